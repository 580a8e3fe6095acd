/** Finding the route of a request: exact paths by one look-up, paths with `:name` parts by their shape. */

import { AppError } from "../app-error.ts";
import type { Method, Route } from "./route.ts";

/** A route and the values of its `:name` parts. */
export interface RouteMatch {
  route: Route;
  params: Readonly<Record<string, string>>;
}

export interface RouteTable {
  routes: readonly Route[];
  /** Null where the path belongs to no route of this method. `HEAD` finds the route of `GET`. */
  find(method: string, path: string): RouteMatch | null;
  /** Methods that the path knows; empty for a path that is nobody's. */
  methodsOf(path: string): Method[];
}

interface Pattern {
  route: Route;
  segments: string[];
}

/**
 * Builds the table.
 * @throws Error for two routes of the same method and path: which one answers must not depend on the order
 */
export function createRouteTable(routes: readonly Route[]): RouteTable {
  const exact = new Map<string, Route>();
  const patterns: Pattern[] = [];
  const seen = new Set<string>();
  for (const route of routes) {
    const shape = `${route.method} ${route.path.replace(/:[^/]+/g, ":")}`;
    if (seen.has(shape)) throw new Error(`two routes answer ${shape}`);
    seen.add(shape);
    if (route.path.includes(":")) patterns.push({ route, segments: route.path.split("/") });
    else exact.set(`${route.method} ${route.path}`, route);
  }
  const matchesOf = (path: string) => {
    const segments = path.split("/");
    return patterns.filter((pattern) => fits(pattern.segments, segments));
  };
  return {
    routes,
    find(method, path) {
      const wanted = method === "HEAD" ? "GET" : method;
      const route = exact.get(`${wanted} ${path}`);
      if (route) return { route, params: {} };
      const pattern = matchesOf(path).find((one) => one.route.method === wanted);
      return pattern ? { route: pattern.route, params: paramsOf(pattern, path) } : null;
    },
    methodsOf(path) {
      const methods = matchesOf(path).map((pattern) => pattern.route.method);
      for (const route of exact.values()) if (route.path === path) methods.push(route.method);
      return [...new Set(methods)];
    },
  };
}

function fits(pattern: readonly string[], path: readonly string[]): boolean {
  if (pattern.length !== path.length) return false;
  return pattern.every((segment, i) => (segment.startsWith(":") ? path[i] !== "" : segment === path[i]));
}

function paramsOf(pattern: Pattern, path: string): Record<string, string> {
  const values = path.split("/");
  const params: Record<string, string> = Object.create(null) as Record<string, string>;
  pattern.segments.forEach((segment, i) => {
    if (segment.startsWith(":")) params[segment.slice(1)] = decodePart(values[i] ?? "");
  });
  return params;
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new AppError("protocol", "the path is not valid percent-encoding");
  }
}
