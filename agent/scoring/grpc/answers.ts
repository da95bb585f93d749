import { SluiceError, toSluiceError } from '../../../contract/errors.ts';
import { type FoundModel, findByName, type Purpose, visibleModels, visibleNames } from '../find-model.ts';
import { modelConfiguration, modelMetadata, serverMetadata } from '../open-inference/metadata.ts';
import type { OpenInferenceOptions } from '../open-inference/options.ts';
import { controlModel, repositoryIndex } from '../open-inference/repository.ts';
import { modelStatistics } from '../open-inference/statistics.ts';
import { deploymentHeader, imageHeader } from '../request-context.ts';
import type { GrpcExchange } from './grpc-exchange.ts';
import { copyOfMessage, inferMessage } from './infer.ts';
import type { InferAnswer } from './infer-answer.ts';
import type { InferMessage } from './infer-message.ts';
import { services } from './schema.ts';

/** Answers one call: fields of the request's message to those of the answer's. */
type Answer = (request: Record<string, unknown>, exchange: GrpcExchange) => object | Promise<object>;

/** What a call says of the model that it means; an empty version is any. */
interface ModelReference {
  name: string;
  version: string;
}

/** Why a model that is asked for does not answer, for now. */
const notReady: ReadonlySet<string> = new Set(['unknown_model', 'not_ready', 'no_traffic']);

/** What the calls of the Open Inference service answer, except those that infer. */
export class GrpcAnswers {
  /** By the path of the method. */
  readonly calls: ReadonlyMap<string, Answer>;
  readonly #options: OpenInferenceOptions;

  constructor(options: OpenInferenceOptions) {
    this.#options = options;
    this.calls = this.#table();
  }

  /** Computes a request for a model, and has it mirrored. Throws as the same request over HTTP does. */
  async infer(message: InferMessage, exchange: GrpcExchange): Promise<InferAnswer> {
    const { mirror, nowMs, instantMs } = this.#options;
    const { modelName: name, modelVersion: version } = message;
    const model = this.#find({ name, version }, { exchange, purpose: 'run' });
    exchange.setHeader(deploymentHeader, model.name);
    return model.image.use(async () => {
      try {
        return await inferMessage({ ...model, dialect: 'grpc', exchange, nowMs, instantMs }, message);
      } finally {
        mirror.follow(model, copyOfMessage(message, exchange));
      }
    });
  }

  /** Every call that means a model comes by here. Throws what `findByName` does. */
  #find(
    { name, version }: ModelReference,
    { exchange, purpose }: { exchange: GrpcExchange; purpose: Purpose },
  ): FoundModel {
    const authorization = keyOf(exchange);
    const asked = { name, version: version === '' ? undefined : version, authorization, purpose };
    const model = findByName(asked, this.#options);
    exchange.setHeader(imageHeader, model.image.digest);
    return model;
  }

  #all(request: ModelReference, exchange: GrpcExchange): FoundModel[] {
    if (request.name !== '') return [this.#find(request, { exchange, purpose: 'describe' })];
    return visibleModels(keyOf(exchange), this.#options);
  }

  /** As Triton answers: a model that nobody knows is not ready. Throws `unauthorized`. */
  #isReady(request: ModelReference, exchange: GrpcExchange): boolean {
    try {
      this.#find(request, { exchange, purpose: 'describe' });
      return true;
    } catch (thrown) {
      if (notReady.has(toSluiceError(thrown).code)) return false;
      throw thrown;
    }
  }

  async #control(
    request: Record<string, unknown>,
    { exchange, action }: { exchange: GrpcExchange; action: 'load' | 'unload' },
  ): Promise<object> {
    const { deployments, endpoints, peers, allowsModelControl: isAllowed } = this.#options;
    const authorization = keyOf(exchange);
    await controlModel(String(request.model_name), action, {
      ...{ authorization, deployments, endpoints, peers, isAllowed },
    });
    return {};
  }

  #index(ready: unknown, exchange: GrpcExchange): object[] {
    const { deployments, endpoints } = this.#options;
    return repositoryIndex({ ready }, { deployments, isVisible: visibleNames(keyOf(exchange), endpoints) });
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
    const { deployments, peers, serverName } = this.#options;
    const described = (form: (model: FoundModel) => object): Answer => {
      return (request, exchange) =>
        form(this.#find(request as unknown as ModelReference, { exchange, purpose: 'describe' }));
    };
    const calls: Record<string, Answer> = {
      ServerLive: () => ({ live: true }),
      ServerReady: () => ({ ready: deployments.names.length > 0 }),
      ServerMetadata: () => serverMetadata(serverName),
      ModelReady: (request, exchange) => ({
        ready: this.#isReady(request as unknown as ModelReference, exchange),
      }),
      ModelMetadata: described(modelMetadata),
      ModelConfig: described((model) => ({ config: modelConfiguration(model) })),
      ModelStatistics: (request, exchange) =>
        modelStatistics(this.#all(request as unknown as ModelReference, exchange), peers),
      RepositoryIndex: ({ ready }, exchange) => ({ models: this.#index(ready, exchange) }),
      RepositoryModelLoad: (request, exchange) => this.#control(request, { exchange, action: 'load' }),
      RepositoryModelUnload: (request, exchange) => this.#control(request, { exchange, action: 'unload' }),
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

/** The header of HTTP that has a key of an endpoint. */
function keyOf(exchange: GrpcExchange): string | undefined {
  return exchange.header('authorization');
}
