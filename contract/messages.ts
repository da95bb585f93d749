import Type from '#typebox';
import { type ErrorCode, errorCodes } from './errors.ts';
import { limits } from './limits.ts';
import { Digest, Instant, Name } from './names.ts';

/** A blob by digest and size; the size is part of what is signed, so a download has a known end. */
export const BlobReference = Type.Object(
  { digest: Digest, size: Type.Integer({ minimum: 1, maximum: limits.blobBytesMax }) },
  { additionalProperties: false },
);
export type BlobReference = Type.Static<typeof BlobReference>;

/**
 * Orders desired documents. `epoch` changes only when an owner restores a workspace; inside an epoch
 * `generation` grows by one with every change.
 */
export const DesiredVersion = Type.Object(
  { epoch: Type.String({ minLength: 1, maxLength: 64 }), generation: Type.Integer({ minimum: 0 }) },
  { additionalProperties: false },
);
export type DesiredVersion = Type.Static<typeof DesiredVersion>;

/** What may be collected of a request: its payloads as they came and left, and the model's tensors. */
export const Collection = Type.Union([
  Type.Literal('request'),
  Type.Literal('response'),
  Type.Literal('inputs'),
  Type.Literal('outputs'),
]);
export type Collection = Type.Static<typeof Collection>;

/** What a device collects of a deployment's requests. */
export const DataCollection = Type.Object(
  {
    collections: Type.Array(Collection, { minItems: 1, maxItems: 4, uniqueItems: true }),
    /** Part of the requests, each with all its collections; four digits, so that the document stays small. */
    samplingRate: Type.Number({ minimum: 0, maximum: 1, multipleOf: 0.0001 }),
  },
  { additionalProperties: false },
);
export type DataCollection = Type.Static<typeof DataCollection>;

/** One image that a device shall serve under a name. */
export const DesiredDeployment = Type.Object(
  {
    name: Name,
    /** The image manifest. */
    image: BlobReference,
    /** DSSE envelope over the image's manifest digest. */
    signature: BlobReference,
    /** Left out while nothing is collected. */
    collect: Type.Optional(DataCollection),
  },
  { additionalProperties: false },
);
export type DesiredDeployment = Type.Static<typeof DesiredDeployment>;

/** Percent of an endpoint's requests, by deployment. */
const shares = (maximum: number) =>
  Type.Record(Name, Type.Integer({ minimum: 0, maximum }), {
    additionalProperties: false,
    maxProperties: limits.deploymentsPerDeviceMax,
  });

/** SHA-256 of an endpoint's key, in hexadecimal. The key itself never leaves whoever made it. */
const keyHash = Type.String({ pattern: '^[0-9a-f]{64}$' });

/**
 * An endpoint: deployments behind one name, one pair of keys and a division of requests. Of its deployments it
 * names those that the device runs, each once: in `mirror` those that get copies, all others in `traffic`.
 */
export const DesiredEndpoint = Type.Object(
  {
    name: Name,
    traffic: shares(100),
    mirror: shares(limits.mirrorPercentMax),
    /** Either opens it; null for an endpoint that asks for none. */
    keys: Type.Union([
      Type.Object({ primary: keyHash, secondary: keyHash }, { additionalProperties: false }),
      Type.Null(),
    ]),
  },
  { additionalProperties: false },
);
export type DesiredEndpoint = Type.Static<typeof DesiredEndpoint>;

/** `dn/desired`, inside a DSSE envelope: everything the device shall run. Absolute, never a patch. */
export const DesiredDocument = Type.Object(
  {
    schemaVersion: Type.Literal(1),
    workspace: Name,
    device: Name,
    version: DesiredVersion,
    issuedAt: Instant,
    deployments: Type.Array(DesiredDeployment, { maxItems: limits.deploymentsPerDeviceMax }),
    /** A deployment belongs to one endpoint at most. Left out when there are none. */
    endpoints: Type.Optional(Type.Array(DesiredEndpoint, { maxItems: limits.deploymentsPerDeviceMax })),
  },
  { additionalProperties: false },
);
export type DesiredDocument = Type.Static<typeof DesiredDocument>;

/** Payload type of a desired document in its DSSE envelope. */
export const desiredPayloadType = 'application/vnd.sluice.desired.v1+json';
/** Payload type of an image signature in its DSSE envelope. */
export const imageSignaturePayloadType = 'application/vnd.sluice.image-signature.v1+json';

/** What an image signature says. */
export const ImageSignature = Type.Object(
  { schemaVersion: Type.Literal(1), image: BlobReference, name: Name, version: Type.Integer({ minimum: 1 }) },
  { additionalProperties: false },
);
export type ImageSignature = Type.Static<typeof ImageSignature>;

/** DSSE envelope (secure-systems-lab/dsse, protocol.md 1.0): Ed25519 over the pre-authentication encoding. */
export const SignedEnvelope = Type.Object(
  {
    payloadType: Type.String({ maxLength: 255 }),
    payload: Type.String({ description: 'base64' }),
    signatures: Type.Array(
      Type.Object(
        { keyid: Type.String({ maxLength: 128 }), sig: Type.String({ maxLength: 128 }) },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: 8 },
    ),
  },
  { additionalProperties: false },
);
export type SignedEnvelope = Type.Static<typeof SignedEnvelope>;

/** `up/presence`, retained, and the last will. Consumers ignore a `lost` older than the last `online`. */
export const Presence = Type.Object(
  {
    schemaVersion: Type.Literal(1),
    state: Type.Union([Type.Literal('online'), Type.Literal('stopping'), Type.Literal('lost')]),
    /** Identity of this start of the agent. */
    boot: Type.String({ minLength: 1, maxLength: 64 }),
    /** Counts the connections of this boot; a will carries the number of its own connection. */
    connection: Type.Integer({ minimum: 0 }),
  },
  { additionalProperties: false },
);
export type Presence = Type.Static<typeof Presence>;

const errorCode = Type.Unsafe<ErrorCode>(Type.Enum(Object.keys(errorCodes)));

/** An error as a device reports it. */
export const ReportedError = Type.Object(
  { code: errorCode, message: Type.String({ maxLength: 1024 }), at: Instant },
  { additionalProperties: false },
);

/** Where a deployment stands on a device. */
export const DeploymentPhase = Type.Union([
  Type.Literal('fetching'),
  Type.Literal('verifying'),
  Type.Literal('warming'),
  Type.Literal('serving'),
  Type.Literal('failed'),
  Type.Literal('backoff'),
]);
export type DeploymentPhase = Type.Static<typeof DeploymentPhase>;

/** One deployment in the reported document. `failed` beside an `active` digest: the old image still answers. */
export const ReportedDeployment = Type.Object(
  {
    active: Type.Union([Digest, Type.Null()]),
    candidate: Type.Union([Digest, Type.Null()]),
    lastGood: Type.Union([Digest, Type.Null()]),
    phase: DeploymentPhase,
    haveBytes: Type.Integer({ minimum: 0 }),
    needBytes: Type.Integer({ minimum: 0 }),
    error: Type.Union([ReportedError, Type.Null()]),
  },
  { additionalProperties: false },
);
export type ReportedDeployment = Type.Static<typeof ReportedDeployment>;

/** `up/reported`, retained: what the device has seen, applied and runs. */
export const ReportedDocument = Type.Object(
  {
    schemaVersion: Type.Literal(1),
    device: Name,
    boot: Type.String({ minLength: 1, maxLength: 64 }),
    /** Grows with every report of this boot. */
    sequence: Type.Integer({ minimum: 0 }),
    reportedAt: Instant,
    seen: Type.Union([DesiredVersion, Type.Null()]),
    applied: Type.Union([DesiredVersion, Type.Null()]),
    /** The newest desired document that was refused, and why. */
    refused: Type.Union([ReportedError, Type.Null()]),
    scoring: Type.Object(
      {
        state: Type.Union([Type.Literal('starting'), Type.Literal('listening'), Type.Literal('down')]),
        port: Type.Integer({ minimum: 0, maximum: 65535 }),
        restarts: Type.Integer({ minimum: 0 }),
        /** Version of the desired document whose endpoints and collections are in force; absent while none are. */
        configured: Type.Optional(DesiredVersion),
      },
      { additionalProperties: false },
    ),
    deployments: Type.Record(Name, ReportedDeployment, { additionalProperties: false }),
    npu: Type.Union([
      Type.Object(
        { route: Type.String(), configuration: Type.String(), hash: Type.String() },
        { additionalProperties: false },
      ),
      Type.Null(),
    ]),
    disk: Type.Object({ freeBytes: Type.Integer({ minimum: 0 }) }, { additionalProperties: false }),
    agentVersion: Type.String(),
  },
  { additionalProperties: false },
);
export type ReportedDocument = Type.Static<typeof ReportedDocument>;

/**
 * `up/get`: chunks of one blob that the device wants now. The request is the credit: the workspace
 * sends these chunks and no others, so the receiver's window bounds every queue on the way.
 */
export const BlobRequest = Type.Object(
  {
    schemaVersion: Type.Literal(1),
    /** Chosen by the device for one transfer; blocks carry it back, so late ones are told apart. */
    stream: Type.Integer({ minimum: 0, maximum: 0xffff }),
    digest: Digest,
    /** `[first chunk, count]`, chunks of `limits.chunkBytes`. */
    ranges: Type.Array(
      Type.Tuple([
        Type.Integer({ minimum: 0, maximum: 0xffffffff }),
        Type.Integer({ minimum: 1, maximum: limits.blobWindowChunksMax }),
      ]),
      { minItems: 1, maxItems: limits.blobRequestRangesMax },
    ),
  },
  { additionalProperties: false },
);
export type BlobRequest = Type.Static<typeof BlobRequest>;
