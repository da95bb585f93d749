import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import Type from '#typebox';
import { digestOf, digestOfFile } from '../base/digest.ts';
import { type Parser, parserOf } from '../base/validate.ts';
import { isErrorCode, SluiceError } from '../contract/errors.ts';
import { RunManifest } from '../contract/image.ts';
import type { Digest } from '../contract/names.ts';
import {
  AddedDevice,
  type BuildImage,
  ChangedEndpoint,
  Deployment,
  Device,
  Endpoint,
  EndpointKeys,
  Image,
  type KeySlot,
  listOf,
  Model,
  type PutDeployment,
  type PutEndpoint,
  type RegisterModel,
  RotatedKey,
} from '../contract/workspace-api.ts';
import { reasonOf } from './fetch-reason.ts';

const responseCode = 'workspace_unreachable';

function responseParser<Schema extends Type.TSchema>(schema: Schema): Parser<Type.Static<Schema>> {
  return parserOf(schema, { what: 'answer of the workspace', code: responseCode });
}

const parsers = {
  model: responseParser(Model),
  models: responseParser(listOf(Model)),
  image: responseParser(Image),
  images: responseParser(listOf(Image)),
  run: responseParser(RunManifest),
  device: responseParser(Device),
  devices: responseParser(listOf(Device)),
  addedDevice: responseParser(AddedDevice),
  deployment: responseParser(Deployment),
  deployments: responseParser(listOf(Deployment)),
  endpoint: responseParser(Endpoint),
  endpoints: responseParser(listOf(Endpoint)),
  changedEndpoint: responseParser(ChangedEndpoint),
  endpointKeys: responseParser(EndpointKeys),
  rotatedKey: responseParser(RotatedKey),
};

const ErrorBody = Type.Object({ code: Type.String(), message: Type.String() });
const errorParser = responseParser(ErrorBody);

/** How long one call may take; a build compiles and verifies, so this is generous. */
const callTimeoutMs = 600_000;

interface CallOptions {
  method: string;
  path: string;
  body?: string | Uint8Array | ReadableStream;
  headers?: Record<string, string>;
}

/** Typed client of the workspace's REST API (`/api/v1`). Every method throws the workspace's SluiceError. */
export class WorkspaceClient {
  readonly #url: string;
  readonly #token: string;

  constructor(options: { url: string; token: string }) {
    this.#url = options.url.replace(/\/+$/, '');
    this.#token = options.token;
  }

  /** Uploads bytes in memory unless the workspace has them. */
  async uploadBytes(bytes: Uint8Array): Promise<Digest> {
    const digest = digestOf(bytes);
    if (!(await this.#hasBlob(digest))) {
      await this.#call({ method: 'PUT', path: `/blobs/${digest}`, body: Buffer.from(bytes) });
    }
    return digest;
  }

  /** Uploads a file unless the workspace has it; streamed. */
  async uploadFile(path: string): Promise<Digest> {
    const digest = await digestOfFile(path);
    if (await this.#hasBlob(digest)) return digest;
    const { size } = await stat(path);
    await this.#call({
      method: 'PUT',
      path: `/blobs/${digest}`,
      body: Readable.toWeb(createReadStream(path)) as ReadableStream,
      headers: { 'content-length': String(size) },
    });
    return digest;
  }

  async #hasBlob(digest: Digest): Promise<boolean> {
    const response = await this.#fetch({ method: 'HEAD', path: `/blobs/${digest}` });
    return response.status === 200;
  }

  /** Registers the next version of a model; the same file again gives the version it has. */
  async registerModel(request: RegisterModel): Promise<Model> {
    return parsers.model.parse(await this.#json({ method: 'POST', path: '/models' }, request));
  }

  async listModels(): Promise<Model[]> {
    return parsers.models.parse(await this.#json({ method: 'GET', path: '/models' })).items;
  }

  /** Builds the next version of an image; identical input again gives the version it has. */
  async buildImage(request: BuildImage): Promise<Image> {
    return parsers.image.parse(await this.#json({ method: 'POST', path: '/images' }, request));
  }

  async listImages(): Promise<Image[]> {
    return parsers.images.parse(await this.#json({ method: 'GET', path: '/images' })).items;
  }

  async image(reference: string): Promise<Image> {
    return parsers.image.parse(
      await this.#json({ method: 'GET', path: `/images/${encodeURIComponent(reference)}` }),
    );
  }

  /** How an image is served. */
  async runManifest(reference: string): Promise<RunManifest> {
    return parsers.run.parse(
      await this.#json({ method: 'GET', path: `/images/${encodeURIComponent(reference)}/run` }),
    );
  }

  async addDevice(name: string): Promise<AddedDevice> {
    return parsers.addedDevice.parse(await this.#json({ method: 'POST', path: '/devices' }, { name }));
  }

  /** Gives a device a new token; the old one ends, and a live session with it. */
  async renewDeviceToken(name: string): Promise<AddedDevice> {
    return parsers.addedDevice.parse(
      await this.#json({ method: 'POST', path: `/devices/${encodeURIComponent(name)}/token` }),
    );
  }

  async listDevices(): Promise<Device[]> {
    return parsers.devices.parse(await this.#json({ method: 'GET', path: '/devices' })).items;
  }

  async device(name: string): Promise<Device> {
    return parsers.device.parse(
      await this.#json({ method: 'GET', path: `/devices/${encodeURIComponent(name)}` }),
    );
  }

  async putDeployment(name: string, request: PutDeployment): Promise<Deployment> {
    return parsers.deployment.parse(
      await this.#json({ method: 'PUT', path: `/deployments/${encodeURIComponent(name)}` }, request),
    );
  }

  async listDeployments(): Promise<Deployment[]> {
    return parsers.deployments.parse(await this.#json({ method: 'GET', path: '/deployments' })).items;
  }

  async deployment(name: string): Promise<Deployment> {
    return parsers.deployment.parse(
      await this.#json({ method: 'GET', path: `/deployments/${encodeURIComponent(name)}` }),
    );
  }

  async deleteDeployment(name: string): Promise<void> {
    await this.#call({ method: 'DELETE', path: `/deployments/${encodeURIComponent(name)}` });
  }

  async putEndpoint(name: string, request: PutEndpoint): Promise<ChangedEndpoint> {
    return parsers.changedEndpoint.parse(
      await this.#json({ method: 'PUT', path: `/endpoints/${encodeURIComponent(name)}` }, request),
    );
  }

  async listEndpoints(): Promise<Endpoint[]> {
    return parsers.endpoints.parse(await this.#json({ method: 'GET', path: '/endpoints' })).items;
  }

  async endpoint(name: string): Promise<Endpoint> {
    return parsers.endpoint.parse(
      await this.#json({ method: 'GET', path: `/endpoints/${encodeURIComponent(name)}` }),
    );
  }

  async deleteEndpoint(name: string): Promise<void> {
    await this.#call({ method: 'DELETE', path: `/endpoints/${encodeURIComponent(name)}` });
  }

  /** When each key of an endpoint was made. */
  async endpointKeys(name: string): Promise<EndpointKeys> {
    return parsers.endpointKeys.parse(
      await this.#json({ method: 'GET', path: `/endpoints/${encodeURIComponent(name)}/keys` }),
    );
  }

  /** Replaces one key of an endpoint; the other goes on being good. */
  async rotateKey(name: string, slot: KeySlot): Promise<RotatedKey> {
    return parsers.rotatedKey.parse(
      await this.#json({ method: 'POST', path: `/endpoints/${encodeURIComponent(name)}/keys/${slot}` }),
    );
  }

  async #json(options: CallOptions, body?: unknown): Promise<unknown> {
    const response = await this.#call(
      body === undefined
        ? options
        : { ...options, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } },
    );
    return response.json();
  }

  async #call(options: CallOptions): Promise<Response> {
    const response = await this.#fetch(options);
    if (response.ok) return response;
    const text = await response.text();
    const { code, message } = readError(text, response.status);
    throw new SluiceError(isErrorCode(code) ? code : responseCode, message);
  }

  async #fetch(options: CallOptions): Promise<Response> {
    const url = `${this.#url}/api/v1${options.path}`;
    try {
      return await fetch(url, {
        method: options.method,
        headers: { authorization: `Bearer ${this.#token}`, ...options.headers },
        signal: AbortSignal.timeout(callTimeoutMs),
        ...(options.body === undefined ? {} : { body: options.body, duplex: 'half' }),
      });
    } catch (thrown) {
      throw new SluiceError(
        responseCode,
        `the workspace does not answer at ${this.#url} (${reasonOf(thrown)}): start it with \`sluice workspace start\`, or name another with --workspace`,
        { cause: thrown },
      );
    }
  }
}

function readError(text: string, status: number): { code: string; message: string } {
  try {
    return errorParser.parseJson(text);
  } catch {
    return { code: responseCode, message: `the workspace answered with status ${status} and no reason` };
  }
}
