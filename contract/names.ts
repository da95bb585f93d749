import Type from '#typebox';

/** Names of models, images, deployments, devices and workspaces (DNS-like, safe in topics and paths). */
export const Name = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$' });
export type Name = Type.Static<typeof Name>;

/** An OCI digest; only SHA-256 is used. */
export const Digest = Type.String({ pattern: '^sha256:[0-9a-f]{64}$' });
export type Digest = Type.Static<typeof Digest>;

/** Instant in RFC 3339 form with millisecond precision, UTC. */
export const Instant = Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?Z$' });

/** A registered thing at one version, written `name:version`. */
export const Reference = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,62}:[1-9][0-9]{0,8}$' });
export type Reference = Type.Static<typeof Reference>;

/** Splits `name:version`; the argument has passed the schema `Reference`. */
export function parseReference(reference: Reference): { name: string; version: number } {
  const colon = reference.lastIndexOf(':');
  return { name: reference.slice(0, colon), version: Number(reference.slice(colon + 1)) };
}
