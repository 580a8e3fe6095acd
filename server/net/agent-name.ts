/** How a visitor is told who helps him. */

const MAX_LENGTH = 60;

/**
 * What stands before the `@` of an address, as words: people here have no other name, and the address is not the visitor's to know. `Support`
 * where nothing is left.
 */
export function agentName(email: string): string {
  const words = (email.split("@")[0] ?? "").split(/[._+-]+/).filter((word) => word !== "");
  const name = words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join(" ");
  return name.slice(0, MAX_LENGTH) || "Support";
}
