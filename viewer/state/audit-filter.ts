/** The filters of the audit, and how they stand in an address. */

/** The filters as fields hold them. */
export interface AuditFilter {
  project: string;
  action: string;
  actor: string;
  subject: string;
  from: string;
  to: string;
}

const FIELDS = ["project", "action", "actor", "subject", "from", "to"] as const;

/** The filters in an address. */
export function readAuditFilter(query: URLSearchParams): AuditFilter {
  const read = (name: (typeof FIELDS)[number]): string => query.get(name) ?? "";
  return {
    project: read("project"),
    action: read("action"),
    actor: read("actor"),
    subject: read("subject"),
    from: read("from"),
    to: read("to"),
  };
}

/** The path of the page with these filters. */
export function writeAuditFilter(filter: AuditFilter): string {
  const query = new URLSearchParams();
  for (const name of FIELDS) if (filter[name].trim() !== "") query.set(name, filter[name].trim());
  const text = query.toString();
  return text === "" ? "/audit" : `/audit?${text}`;
}
