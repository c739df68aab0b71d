-- SELECT 1: the time that psql and the connection take
SELECT 1;
