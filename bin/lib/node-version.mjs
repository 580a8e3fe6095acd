/** The versions of Node that this runs on; `engines` in package.json says the same. */

/**
 * Null where `version` (as `process.versions.node`) will do, else what to tell the person who typed the command.
 * @param {string} version
 * @returns {string | null}
 */
export function nodeVersionFault(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major === 22 || major === 21 || (major === 20 && minor >= 19)) return null;
  return `Watchback runs on Node 20.19 or later, or Node 22; this is Node ${version}. See "Node 24" in docs/operations.md.`;
}
