-- SELECT 1: what psql and the connection take
SELECT 1;
