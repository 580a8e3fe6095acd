-- Bodies wait for a second or so: compressing them costs more than they take, and a plain one can be read in pieces.

ALTER TABLE intake ALTER COLUMN body SET STORAGE EXTERNAL;
