/** What rooms take from an HTTP request: checked bodies, ids and numbers, with the same words for the same fault everywhere. */

import * as v from "valibot";
import { describeIssue } from "../protocol/codec.ts";
import { AppError } from "./app-error.ts";

/** What answers an unknown id and somebody else's id alike. */
export function notFound(): AppError {
  return new AppError("not_found", "there is nothing here under this id");
}

/**
 * Reads a JSON body against its schema.
 * @throws AppError `protocol` that names the first field that is wrong, never its value
 */
export function readBody<S extends v.GenericSchema>(schema: S, body: Uint8Array): v.InferOutput<S> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw new AppError("protocol", "the body is not JSON");
  }
  const result = v.safeParse(schema, value);
  if (!result.success) throw new AppError("protocol", describeIssue(result.issues[0]));
  return result.output;
}

/**
 * Reads a database id from a path.
 * @throws AppError `not_found` for what cannot be one
 */
export function readId(text: string | undefined): number {
  const id = /^[1-9]\d{0,9}$/.test(text ?? "") ? Number(text) : 0;
  if (id < 1 || id > 2_147_483_647) throw notFound();
  return id;
}

/**
 * Reads a number from a query string.
 * @returns undefined where the parameter is absent or empty
 * @throws AppError `protocol` for anything but a number within the bounds
 */
export function readNumber(query: URLSearchParams, name: string, bounds: { min: number; max: number }): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  const value = Number(text);
  if (!Number.isFinite(value) || value < bounds.min || value > bounds.max || text.length > 32) {
    throw new AppError("protocol", `${name}: expected a number from ${bounds.min} to ${bounds.max}`);
  }
  return value;
}

/** The same for whole numbers. */
export function readWhole(query: URLSearchParams, name: string, bounds: { min: number; max: number }): number | undefined {
  const value = readNumber(query, name, bounds);
  if (value !== undefined && !Number.isInteger(value)) throw new AppError("protocol", `${name}: expected a whole number`);
  return value;
}
