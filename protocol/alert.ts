/** Alerts as the API gives them: where word goes, when, and what was sent. Times are epoch milliseconds. */

export const CHANNEL_KINDS = ["email", "slack", "webhook"] as const;
export type ChannelKind = (typeof CHANNEL_KINDS)[number];

/** Where word goes. */
export interface AlertChannel {
  channelId: number;
  kind: ChannelKind;
  name: string;
  /** Addresses of a channel of kind `email`. */
  to: readonly string[];
  /** Scheme and host of the others; the rest of their address is a secret. */
  host: string;
  createdAt: number;
}

/** A channel just made: what is shown once. */
export interface NewAlertChannel extends AlertChannel {
  /** With which a webhook's messages are signed; null for the other kinds. */
  secret: string | null;
}

/** When word goes to some channels. */
export interface AlertRule {
  ruleId: number;
  name: string;
  isEnabled: boolean;
  onNew: boolean;
  onRegression: boolean;
  /** From the second distinct session on, or as many as the project says. */
  onPromoted: boolean;
  onSpike: boolean;
  /** A spike: at least so many occurrences within an hour ... */
  spikeCount: number;
  /** ... and so many times the mean of the 24 hours before. */
  spikeFactor: number;
  /** Only these; empty for all. */
  levels: readonly string[];
  environments: readonly string[];
  /** Of one issue, a channel hears once in so long. */
  cooldownMinutes: number;
  channelIds: readonly number[];
}

export const ALERT_KINDS = ["new", "regression", "promoted", "spike", "test"] as const;
export type AlertKind = (typeof ALERT_KINDS)[number];

/** One message and what became of it. */
export interface AlertMessage {
  messageId: number;
  kind: AlertKind;
  channelId: number | null;
  channelName: string;
  issueId: number | null;
  shortId: string;
  title: string;
  state: "waiting" | "sent" | "failed" | "dead";
  attempts: number;
  /** What the last try failed with, in words for people. */
  fault: string;
  createdAt: number;
  sentAt: number | null;
}
