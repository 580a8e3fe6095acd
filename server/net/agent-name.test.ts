import { expect, it } from "vitest";
import { agentName } from "./agent-name.ts";

it.each([
  ["grace.hopper@example.com", "Grace Hopper"],
  ["ada_lovelace+shop@mail.example.com", "Ada Lovelace Shop"],
  ["admin@example.com", "Admin"],
  ["@example.com", "Support"],
  ["", "Support"],
  [`${"a".repeat(90)}@example.com`, `A${"a".repeat(59)}`],
])("AST-15 of %s a visitor is told the name, and never the address", (email, name) => {
  expect(agentName(email)).toBe(name);
  expect(agentName(email)).not.toMatch(/@|example/);
});
