/** The description of the HTTP routes (OpenAPI 3.1), made from the route table. */

import type { Route } from "./route.ts";

/** The document that `GET /v1/openapi.json` answers. */
export function describeRoutes(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.path.replace(/:([^/]+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: describeRoute(route) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "Watchback", version, description: "Watch a visit live, or play it back." },
    components: {
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        cookie: { type: "apiKey", in: "cookie", name: "wb_sign_in" },
      },
      schemas: {
        Error: {
          type: "object",
          required: ["error"],
          properties: {
            error: {
              type: "object",
              required: ["code", "message"],
              properties: { code: { type: "string" }, message: { type: "string" } },
            },
          },
        },
      },
    },
    paths,
  };
}

function describeRoute(route: Route): object {
  const parameters = [
    ...[...route.path.matchAll(/:([^/]+)/g)].map((match) => ({
      name: match[1],
      in: "path",
      required: true,
      schema: { type: "string" },
    })),
    ...Object.entries(route.query ?? {}).map(([name, description]) => ({
      name,
      in: "query",
      description,
      schema: { type: "string" },
    })),
  ];
  const error = {
    description: "The request was refused.",
    content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
  };
  return {
    summary: route.summary,
    "x-access": route.access,
    ...(route.role === undefined ? {} : { "x-role": route.role }),
    ...(route.scope === undefined ? {} : { "x-scope": route.scope }),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(route.access === "open" ? {} : { security: [{ bearer: [] }, { cookie: [] }] }),
    ...(route.method === "GET" || route.method === "DELETE"
      ? {}
      : { requestBody: { content: { [route.anyBody === true ? "application/octet-stream" : "application/json"]: {} } } }),
    responses: { "200": { description: "As the summary says." }, "4XX": error, "5XX": error },
  };
}
