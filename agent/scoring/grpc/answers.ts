import { SluiceError } from '../../../contract/errors.ts';
import type { Deployments } from '../deployments.ts';
import { type FoundModel, findByName } from '../find-model.ts';
import { modelConfiguration, modelMetadata, serverMetadata } from '../open-inference/metadata.ts';
import { controlModel, repositoryIndex } from '../open-inference/repository.ts';
import { modelStatistics } from '../open-inference/statistics.ts';
import { imageHeader } from '../request-context.ts';
import type { GrpcExchange } from './grpc-exchange.ts';
import { inferMessage } from './infer.ts';
import type { InferAnswer } from './infer-answer.ts';
import type { InferMessage } from './infer-message.ts';
import { services } from './schema.ts';

/** What the service needs. */
export interface GrpcServiceOptions {
  deployments: Deployments;
  /** What `ServerMetadata` calls the server. */
  serverName: string;
  /** Whether clients may load and unload models. */
  allowsModelControl: boolean;
  nowMs: () => number;
  /** Milliseconds since 1970. */
  instantMs: () => number;
}

/** Answers one call: fields of the request's message to those of the answer's. */
type Answer = (request: Record<string, unknown>, exchange: GrpcExchange) => object | Promise<object>;

/** What a call says of the model that it means; an empty version is any. */
interface ModelReference {
  name: string;
  version: string;
}

/** What the calls of the Open Inference service answer, except those that infer. */
export class GrpcAnswers {
  /** By the path of the method. */
  readonly calls: ReadonlyMap<string, Answer>;
  readonly #options: GrpcServiceOptions;

  constructor(options: GrpcServiceOptions) {
    this.#options = options;
    this.calls = this.#table();
  }

  /** Computes a request for a model. Throws as the same request over HTTP does. */
  async infer(message: InferMessage, exchange: GrpcExchange): Promise<InferAnswer> {
    const { nowMs, instantMs } = this.#options;
    const { modelName: name, modelVersion: version } = message;
    const model = this.#find({ name, version }, exchange);
    return model.image.use(() => inferMessage({ ...model, exchange, nowMs, instantMs }, message));
  }

  /** Every call that means a model comes by here. Throws `unknown_model` or `not_ready`. */
  #find({ name, version }: ModelReference, exchange: GrpcExchange): FoundModel {
    const { deployments } = this.#options;
    const model = findByName(version === '' ? { name } : { name, version }, deployments);
    exchange.setHeader(imageHeader, model.image.digest);
    return model;
  }

  #all(request: ModelReference, exchange: GrpcExchange): FoundModel[] {
    const { deployments } = this.#options;
    if (request.name !== '') return [this.#find(request, exchange)];
    return deployments.names.map((name) => findByName({ name }, deployments));
  }

  /** As Triton answers: a model that nobody knows is not ready. */
  #isReady({ name, version }: ModelReference): boolean {
    const image = this.#options.deployments.get(name);
    return image !== undefined && (version === '' || version === String(image.version));
  }

  async #control(request: Record<string, unknown>, action: 'load' | 'unload'): Promise<object> {
    const { deployments, allowsModelControl: isAllowed } = this.#options;
    await controlModel(String(request.model_name), action, { deployments, isAllowed });
    return {};
  }

  #health(service: string): object {
    if (service !== '' && service !== services.inference) {
      throw new SluiceError(
        'not_found',
        `service ${JSON.stringify(service.slice(0, 80))}: is not served here`,
      );
    }
    return { status: this.#options.deployments.names.length > 0 ? 'SERVING' : 'NOT_SERVING' };
  }

  #table(): ReadonlyMap<string, Answer> {
    const { deployments, serverName } = this.#options;
    const described = (form: (model: FoundModel) => object): Answer => {
      return (request, exchange) => form(this.#find(request as unknown as ModelReference, exchange));
    };
    const calls: Record<string, Answer> = {
      ServerLive: () => ({ live: true }),
      ServerReady: () => ({ ready: deployments.names.length > 0 }),
      ServerMetadata: () => serverMetadata(serverName),
      ModelReady: (request) => ({ ready: this.#isReady(request as unknown as ModelReference) }),
      ModelMetadata: described(modelMetadata),
      ModelConfig: described((model) => ({ config: modelConfiguration(model) })),
      ModelStatistics: (request, exchange) =>
        modelStatistics(this.#all(request as unknown as ModelReference, exchange)),
      RepositoryIndex: ({ ready }) => ({ models: repositoryIndex({ ready }, deployments) }),
      RepositoryModelLoad: (request) => this.#control(request, 'load'),
      RepositoryModelUnload: (request) => this.#control(request, 'unload'),
    };
    const entries = Object.entries(calls).map(
      ([name, answer]) => [`/${services.inference}/${name}`, answer] as const,
    );
    return new Map([
      ...entries,
      [`/${services.health}/Check`, ({ service }) => this.#health(String(service))],
    ]);
  }
}
