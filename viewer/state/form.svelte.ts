/** A form on its way to the server and back: busy, done, or what is wrong, and with which field. */

import { ApiError } from "../net/api.ts";
import { app } from "./app.svelte.ts";
import { describeProblem, isAbout, toSentence } from "./fault.ts";

export class Form {
  busy = $state(false);
  /** True from a success until the form is used again. */
  done = $state(false);
  /** What went wrong where no field of the form is named. */
  problem = $state("");
  private fault = $state.raw<{ field: string; text: string } | null>(null);
  private readonly fields: readonly string[];
  private readonly isAboutSignIn: boolean;

  /**
   * @param fields names of the fields that can show a fault; a fault of any other is shown for the whole form
   * @param isAboutSignIn true where a 401 says that a password was wrong, and not that nobody is signed in any more
   */
  constructor(fields: readonly string[] = [], isAboutSignIn = false) {
    this.fields = fields;
    this.isAboutSignIn = isAboutSignIn;
  }

  /** What is wrong with a field; empty where nothing is. */
  faultOf(field: string): string {
    return this.fault?.field === field ? this.fault.text : "";
  }

  /** Shows a fault that was found before the server was asked. */
  refuse(field: string, text: string): void {
    this.clear();
    this.fault = { field, text };
  }

  /**
   * Does the work, one at a time, and shows what comes of it; a sign-out is dealt with. Work that ends with false was refused before it
   * reached the server.
   * @returns true where it worked
   */
  async submit(work: () => Promise<unknown>): Promise<boolean> {
    if (this.busy) return false;
    this.clear();
    this.busy = true;
    try {
      if ((await work()) === false) return false;
      this.done = true;
      return true;
    } catch (error) {
      if (this.isAboutSignIn || !app.handledSignOut(error)) this.show(error);
      return false;
    } finally {
      this.busy = false;
    }
  }

  /** As if it had never been sent. */
  clear(): void {
    this.done = false;
    this.problem = "";
    this.fault = null;
  }

  private show(error: unknown): void {
    const field = error instanceof ApiError ? this.fields.find((name) => isAbout(error.field, name)) : undefined;
    if (error instanceof ApiError && field !== undefined) this.fault = { field, text: toSentence(error.fault) };
    else this.problem = describeProblem(error);
  }
}
