/** Raised by one with every change of the schemas; a test holds it against their hash. */
export const PROTOCOL_VERSION = 1;
