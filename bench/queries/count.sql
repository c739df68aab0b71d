-- count(*)
SELECT count(*) FROM orders;
