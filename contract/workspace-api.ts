import Type from '#typebox';
import {
  Batching,
  Placement,
  QueueDepth,
  RoutePolicy,
  ScriptFilePath,
  ScriptGrants,
  ScriptSettings,
  SequenceIdleMs,
  SequencesKept,
  Sessions,
  ShadowShare,
  StatePairs,
} from './image.ts';
import { limits } from './limits.ts';
import { DataCollection, Presence, ReportedDocument } from './messages.ts';
import { Digest, Instant, Name, Reference } from './names.ts';
import { TensorSignature } from './tensors.ts';

const strict = { additionalProperties: false } as const;

/** `POST /api/v1/models`: registers the next version of a model whose file was uploaded as a blob. */
export const RegisterModel = Type.Object(
  { name: Name, file: Digest, description: Type.Optional(Type.String({ maxLength: 4096 })) },
  strict,
);
export type RegisterModel = Type.Static<typeof RegisterModel>;

/** A registered model. */
export const Model = Type.Object(
  {
    name: Name,
    version: Type.Integer({ minimum: 1 }),
    digest: Digest,
    sizeBytes: Type.Integer(),
    description: Type.String(),
    signature: TensorSignature,
    createdAt: Instant,
  },
  strict,
);
export type Model = Type.Static<typeof Model>;

/** `POST /api/v1/images`: builds the next version of an image. */
export const BuildImage = Type.Object(
  {
    name: Name,
    model: Reference,
    /** Bundled scoring script (one ES module), uploaded as a blob. */
    script: Type.Optional(Digest),
    /** How the script runs; what is left out gets the default. */
    scriptSettings: Type.Optional(
      Type.Object(
        {
          timeoutMs: Type.Optional(ScriptSettings.properties.timeoutMs),
          heapMiB: Type.Optional(ScriptSettings.properties.heapMiB),
          grants: Type.Optional(ScriptGrants),
        },
        strict,
      ),
    ),
    /** Files for the script, uploaded as blobs. */
    files: Type.Optional(
      Type.Array(Type.Object({ path: ScriptFilePath, digest: Digest }, strict), {
        maxItems: limits.scriptFilesMax,
      }),
    ),
    /** Golden inputs: a blob that holds `{"samples":[{"inputs":[GoldenTensor]}]}`. */
    samples: Type.Optional(Digest),
    /** Hardware configuration to compile an NPU program for. */
    accelerate: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    /** For `accelerate`: samples to quantise a float model with, a blob of compiler/calibration/calibration-set.ts. */
    calibration: Type.Optional(Digest),
    /** For `accelerate`: dimensions of inputs that leave some open, by name. */
    shapes: Type.Optional(
      Type.Record(
        Type.String(),
        Type.Array(Type.Integer({ minimum: 1 }), { maxItems: limits.tensorRankMax }),
      ),
    ),
    /** For `accelerate`: as `--quantise` of the command line takes it; `auto` when left out. */
    quantise: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    routePolicy: Type.Optional(RoutePolicy),
    /** For a model that keeps state between the requests of a sequence. */
    sequence: Type.Optional(
      Type.Object(
        {
          state: StatePairs,
          /** `limits.sequenceIdleMs` when left out. */
          idleMs: Type.Optional(SequenceIdleMs),
          /** `limits.sequencesKept` when left out. */
          sequencesMax: Type.Optional(SequencesKept),
        },
        strict,
      ),
    ),
    /** For `accelerate`: share of requests that run on both routes, to compare their bytes. */
    shadow: Type.Optional(ShadowShare),
    /** As `run.json` has them; one session, 256 waiting requests and what the device measures when left out. */
    sessions: Type.Optional(Sessions),
    placement: Type.Optional(Placement),
    batching: Type.Optional(Batching),
    queueDepth: Type.Optional(QueueDepth),
  },
  strict,
);
export type BuildImage = Type.Static<typeof BuildImage>;

/** A built image. */
export const Image = Type.Object(
  {
    name: Name,
    version: Type.Integer({ minimum: 1 }),
    digest: Digest,
    /** Bytes of manifest, config and layers together: what a device without any of them pulls. */
    sizeBytes: Type.Integer(),
    model: Reference,
    accelerated: Type.Union([Type.String(), Type.Null()]),
    layers: Type.Array(
      Type.Object(
        { path: Type.String(), mediaType: Type.String(), digest: Digest, sizeBytes: Type.Integer() },
        strict,
      ),
    ),
    createdAt: Instant,
  },
  strict,
);
export type Image = Type.Static<typeof Image>;

/** `POST /api/v1/devices`. */
export const AddDevice = Type.Object({ name: Name }, strict);
export type AddDevice = Type.Static<typeof AddDevice>;

/** A device as the workspace sees it. */
export const Device = Type.Object(
  {
    name: Name,
    createdAt: Instant,
    presence: Type.Union([Type.Object({ ...Presence.properties, at: Instant }, strict), Type.Null()]),
    reported: Type.Union([ReportedDocument, Type.Null()]),
  },
  strict,
);
export type Device = Type.Static<typeof Device>;

/** Answer of `POST /api/v1/devices`: the only time that the token is shown. */
export const AddedDevice = Type.Object({ device: Device, token: Type.String() }, strict);
export type AddedDevice = Type.Static<typeof AddedDevice>;

/** `GET /api/v1/devices/{name}/bootstrap`, authorised by the device's token: how to reach the broker, whom to trust. */
export const DeviceBootstrap = Type.Object(
  {
    workspace: Name,
    device: Name,
    mqttUrl: Type.String({ pattern: '^mqtts?://' }),
    /** Ed25519 public keys (SPKI, PEM) by key id, whose signatures the device accepts. */
    trustedKeys: Type.Record(Type.String(), Type.String()),
    /** Epoch of desired documents that the workspace is in. */
    epoch: Type.String({ minLength: 1, maxLength: 64 }),
  },
  strict,
);
export type DeviceBootstrap = Type.Static<typeof DeviceBootstrap>;

/** `PUT /api/v1/deployments/{name}`: the image that devices shall serve under this name. */
export const PutDeployment = Type.Object(
  {
    image: Reference,
    devices: Type.Array(Name, { minItems: 1, maxItems: 1024, uniqueItems: true }),
    /** An endpoint to belong to, from the first moment on; without traffic until the endpoint says otherwise. */
    endpoint: Type.Optional(Name),
    /** What devices collect of its requests: as it was when left out, at first nothing; null for nothing. */
    collect: Type.Optional(Type.Union([DataCollection, Type.Null()])),
  },
  strict,
);
export type PutDeployment = Type.Static<typeof PutDeployment>;

/** A deployment. */
export const Deployment = Type.Object(
  {
    name: Name,
    image: Reference,
    digest: Digest,
    devices: Type.Array(Name),
    /** What is collected of its requests; null for nothing. */
    collect: Type.Union([DataCollection, Type.Null()]),
    createdAt: Instant,
    updatedAt: Instant,
  },
  strict,
);
export type Deployment = Type.Static<typeof Deployment>;

/** Percent of an endpoint's requests, by deployment. */
const Shares = Type.Record(Name, Type.Integer({ minimum: 0, maximum: 100 }), {
  ...strict,
  maxProperties: limits.endpointDeploymentsMax,
});

/** Whether an endpoint asks for a key. */
const EndpointAuth = Type.Union([Type.Literal('key'), Type.Literal('none')]);
export type EndpointAuth = Type.Static<typeof EndpointAuth>;

/**
 * `PUT /api/v1/endpoints/{name}`: how an endpoint divides its requests among its deployments. Those that it has
 * and that are not named stay, with no share.
 */
export const PutEndpoint = Type.Object(
  {
    /** Sums to 100, or to 0: then it answers nobody who does not pin a deployment. */
    traffic: Shares,
    /** Copies whose answers are discarded; sums to 50 at most. */
    mirror: Type.Optional(Shares),
    /** As it was when left out, and at first `none`. */
    auth: Type.Optional(EndpointAuth),
  },
  strict,
);
export type PutEndpoint = Type.Static<typeof PutEndpoint>;

/** An endpoint. Each of its deployments stands either in `traffic` or in `mirror`. */
export const Endpoint = Type.Object(
  {
    name: Name,
    auth: EndpointAuth,
    traffic: Shares,
    mirror: Shares,
    /** Devices that run some of it, and whether the newest state is in force there. */
    devices: Type.Array(Type.Object({ name: Name, upToDate: Type.Boolean() }, strict)),
    createdAt: Instant,
    updatedAt: Instant,
  },
  strict,
);
export type Endpoint = Type.Static<typeof Endpoint>;

/** Which of an endpoint's two keys. */
export const KeySlot = Type.Union([Type.Literal('primary'), Type.Literal('secondary')]);
export type KeySlot = Type.Static<typeof KeySlot>;

/** Answer of `PUT /api/v1/endpoints/{name}`; `keys` when they were made by it: the only time that they are shown. */
export const ChangedEndpoint = Type.Object(
  {
    endpoint: Endpoint,
    keys: Type.Union([
      Type.Object({ primary: Type.String(), secondary: Type.String() }, strict),
      Type.Null(),
    ]),
  },
  strict,
);
export type ChangedEndpoint = Type.Static<typeof ChangedEndpoint>;

/** `GET /api/v1/endpoints/{name}/keys`: when each key was made; null for an endpoint that asks for none. */
export const EndpointKeys = Type.Object(
  { primary: Type.Union([Instant, Type.Null()]), secondary: Type.Union([Instant, Type.Null()]) },
  strict,
);
export type EndpointKeys = Type.Static<typeof EndpointKeys>;

/** Answer of `POST /api/v1/endpoints/{name}/keys/{slot}`: the only time that the new key is shown. */
export const RotatedKey = Type.Object(
  { endpoint: Name, slot: KeySlot, key: Type.String(), createdAt: Instant },
  strict,
);
export type RotatedKey = Type.Static<typeof RotatedKey>;

/** Every list of the API. */
export function listOf<Item extends Type.TSchema>(item: Item) {
  return Type.Object({ items: Type.Array(item) }, strict);
}
