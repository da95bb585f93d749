import type { Registry } from 'prom-client';
import type { CollectionState } from '../collect/data-collector.ts';
import { addCollectionMetrics } from './collection-metrics.ts';
import type { HttpAnswers } from './http-answers.ts';
import { addImageMetrics } from './image-metrics.ts';
import type { ObserveImages } from './observed-image.ts';
import { addCounter, addGauge, pulledMetrics } from './pulled-metrics.ts';
import { type ToldMetrics, tellMetrics, textOfAll } from './told-metrics.ts';
import { addTritonMetrics } from './triton-metrics.ts';
import { TurnTime } from './turn-time.ts';

/** What is measured. */
export interface ScoringMetricsOptions {
  images: ObserveImages;
  answers: Pick<HttpAnswers, 'samples'>;
  /** Spans of traces that were handed to the collector, and those that were given up; zeros without traces. */
  spans: () => { exported: number; dropped: number };
  /** What was collected; undefined where data is not. */
  collection: () => CollectionState | undefined;
  /** Besides those of the images, the names of Triton. */
  hasTritonNames: boolean;
  /** What other scoring processes measured; those that do not tell it in time are left out. */
  peers?: { metrics(): Promise<ToldMetrics[]> } | undefined;
}

/** Everything that `GET /metrics` tells. */
export class ScoringMetrics {
  readonly contentType: string;
  readonly #registry: Registry;
  readonly #peers: ScoringMetricsOptions['peers'];
  #scrape: Promise<string> | undefined;

  /** Adds to the registry what is known of scoring. */
  constructor(
    registry: Registry,
    { images, answers, spans, collection, hasTritonNames, peers }: ScoringMetricsOptions,
  ) {
    this.#registry = registry;
    this.#peers = peers;
    this.contentType = registry.contentType;
    addImageMetrics(registry, images);
    if (hasTritonNames) addTritonMetrics(registry, images);
    addCollectionMetrics(registry, collection);
    addCounter(
      registry,
      {
        name: 'sluice_http_answers_total',
        help: 'Answers of the server to whatever it was asked, by status and, for an error, its code.',
        labelNames: ['status', 'code'] as const,
      },
      () => answers.samples(),
    );
    addCounter(
      registry,
      {
        name: 'sluice_trace_spans_total',
        help: 'Spans of traces, by whether the collector took them or they were given up.',
        labelNames: ['result'] as const,
      },
      () => {
        const { exported, dropped } = spans();
        return [
          { labels: { result: 'exported' }, value: exported },
          { labels: { result: 'dropped' }, value: dropped },
        ];
      },
    );
    addGauge(
      registry,
      {
        name: 'sluice_processes_answered',
        help: 'Scoring processes whose metrics these are; fewer than there are when one did not tell them in time.',
        labelNames: [] as const,
      },
      () => [{ labels: {}, value: 1 }],
    );
  }

  /** What this process alone measured. */
  tell(): Promise<ToldMetrics> {
    return tellMetrics(this.#registry);
  }

  /** The text of a scrape. Those that come while one is made get the same: scrapes cost once. */
  scrape(): Promise<string> {
    this.#scrape ??= this.#write().finally(() => {
      this.#scrape = undefined;
    });
    return this.#scrape;
  }

  async #write(): Promise<string> {
    if (this.#peers === undefined) return this.#writeOwn();
    const [own, others] = await Promise.all([this.tell(), this.#peers.metrics()]);
    return textOfAll([own, ...others]);
  }

  /** Metric by metric, so that the event loop may turn between them. */
  async #writeOwn(): Promise<string> {
    const turn = new TurnTime();
    const texts: string[] = [];
    for (const metric of pulledMetrics(this.#registry)) {
      texts.push(metric.text());
      await turn.next();
    }
    return `${texts.join('\n\n')}\n`;
  }
}
