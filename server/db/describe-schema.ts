/**
 * The schema of a database as text, from the catalog: what `sql/schema.sql` holds and a test compares. The embedded Postgres has no
 * pg_dump; this reads only what our migrations use, in an order that does not depend on the server.
 */

import type { Queryable } from "./db.ts";

interface Column {
  name: string;
  type: string;
  not_null: boolean;
  default_value: string | null;
  identity: "" | "a" | "d";
  collation: string | null;
  storage: string | null;
  comment: string | null;
}

interface Table {
  name: string;
  comment: string | null;
  partition_key: string | null;
  options: string[] | null;
  columns: Column[];
  constraints: string[];
  indexes: string[];
}

/** Tables of the schema `public`, without partitions, each with its columns, constraints, indexes and comments. */
export async function describeSchema(db: Queryable): Promise<string> {
  const tables = await db.query<Table>(READ_TABLES);
  return `${["-- The schema after all migrations, written by describeSchema (server/db). Do not edit.", ...tables.map(describeTable)].join("\n\n")}\n`;
}

function describeTable(table: Table): string {
  const inner = [...table.columns.map(describeColumn), ...table.constraints].map((line) => `  ${line}`).join(",\n");
  const partitioned = table.partition_key === null ? "" : ` PARTITION BY ${table.partition_key}`;
  const options = table.options === null ? "" : ` WITH (${table.options.join(", ")})`;
  const statements = [`CREATE TABLE ${table.name} (\n${inner}\n)${partitioned}${options};`];
  for (const column of table.columns) {
    if (column.storage !== null)
      statements.push(`ALTER TABLE ${table.name} ALTER COLUMN ${column.name} SET STORAGE ${column.storage};`);
  }
  for (const index of table.indexes) statements.push(`${index};`);
  if (table.comment !== null) statements.push(`COMMENT ON TABLE ${table.name} IS ${quote(table.comment)};`);
  for (const column of table.columns) {
    if (column.comment !== null) statements.push(`COMMENT ON COLUMN ${table.name}.${column.name} IS ${quote(column.comment)};`);
  }
  return statements.join("\n");
}

function describeColumn(column: Column): string {
  const parts = [column.name, column.type];
  if (column.collation !== null) parts.push(`COLLATE "${column.collation}"`);
  if (column.identity !== "") parts.push(`GENERATED ${column.identity === "a" ? "ALWAYS" : "BY DEFAULT"} AS IDENTITY`);
  if (column.not_null) parts.push("NOT NULL");
  if (column.default_value !== null) parts.push(`DEFAULT ${column.default_value}`);
  return parts.join(" ");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Storage and collation only where they differ from the type's own. Not-null constraints are told with their columns. */
const READ_TABLES = `
  SELECT c.relname AS name, obj_description(c.oid, 'pg_class') AS comment, pg_get_partkeydef(c.oid) AS partition_key,
    c.reloptions AS options,
    (
      SELECT jsonb_agg(jsonb_build_object(
        'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'not_null', a.attnotnull,
        'default_value', pg_get_expr(d.adbin, d.adrelid), 'identity', a.attidentity,
        'collation', CASE WHEN a.attcollation <> t.typcollation THEN (SELECT collname FROM pg_collation WHERE oid = a.attcollation) END,
        'storage', CASE WHEN a.attstorage <> t.typstorage THEN
          CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END END,
        'comment', col_description(a.attrelid, a.attnum)
      ) ORDER BY a.attnum)
      FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
      LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    ) AS columns,
    ARRAY (
      SELECT pg_get_constraintdef(o.oid) FROM pg_constraint o
      WHERE o.conrelid = c.oid AND o.contype <> 'n' ORDER BY o.contype = 'p' DESC, o.contype, o.conname COLLATE "C"
    ) AS constraints,
    ARRAY (
      SELECT replace(pg_get_indexdef(i.indexrelid), 'public.', '') FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
      WHERE i.indrelid = c.oid AND NOT EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = i.indexrelid)
      ORDER BY x.relname COLLATE "C"
    ) AS indexes
  FROM pg_class c
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  ORDER BY c.relname COLLATE "C"`;
