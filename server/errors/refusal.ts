/** Whose fault a failed write is. */

import { AppError } from "../app-error.ts";

/** True for what the database said about the rows themselves: neither that it is away nor that it takes too long. */
export function isRefusal(error: unknown): boolean {
  return (
    error instanceof Error &&
    !(error instanceof AppError) &&
    "code" in error &&
    typeof error.code === "string" &&
    /^2[23]/.test(error.code)
  );
}
