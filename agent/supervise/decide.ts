import type { Digest, Name } from '../../contract/names.ts';

/** Why an image is not being worked on. */
export interface Setback {
  image: Digest;
  /** Monotonic time of the next try; null for a failure that only another desired image ends. */
  retryAtMs: number | null;
}

/** Everything that a decision about one deployment depends on. */
export interface DeploymentView {
  name: Name;
  /** What the desired document asks for; null when it does not name the deployment. */
  wanted: Digest | null;
  /** What serves, or shall serve again after a restart. */
  active: Digest | null;
  /** What the scoring process serves now. */
  running: Digest | null;
  /** The image whose blobs are all here and verified. */
  fetched: Digest | null;
  quarantined: readonly Digest[];
  /** The image whose blobs are being pulled. */
  pulling: Digest | null;
  /** Whether the scoring process is being told to activate or remove. */
  isSwitching: boolean;
  setback: Setback | null;
}

/** What the decision depends on besides the deployments. */
export interface DecisionContext {
  /** Whether a desired document was ever accepted; before that nothing is fetched or removed. */
  isDesiredKnown: boolean;
  isScoringListening: boolean;
  /** False while blobs are being collected. */
  mayFetch: boolean;
  nowMs: number;
}

/** One step towards the desired state. */
export type Action =
  /** The pull under way is for an image that nobody wants any more. */
  | { type: 'abort'; deployment: Name }
  | { type: 'fetch'; deployment: Name; image: Digest }
  | { type: 'activate'; deployment: Name; image: Digest }
  | { type: 'remove'; deployment: Name }
  /** The wanted image failed on this device before. */
  | { type: 'refuse'; deployment: Name; image: Digest }
  /** Decide again then. */
  | { type: 'wait'; deployment: Name; untilMs: number };

/**
 * Compares desired, stored and running state and says what to do next. It is level-triggered: it
 * depends on the state alone, never on the messages that led there, so lost, doubled and reordered
 * messages end in the same state. Pulls run one at a time, and so do switches, so that a crash has one
 * culprit; whoever serves again after a restart goes first.
 */
export function decide(deployments: readonly DeploymentView[], context: DecisionContext): Action[] {
  const actions: Action[] = [];
  let maySwitch = context.isScoringListening && !deployments.some(({ isSwitching }) => isSwitching);
  let mayFetch = context.mayFetch && !deployments.some(({ pulling }) => pulling !== null);
  const restoringFirst = [...deployments].sort(
    (left, right) => Number(needsRestore(right)) - Number(needsRestore(left)),
  );
  for (const view of restoringFirst) {
    if (isPullObsolete(view)) actions.push({ type: 'abort', deployment: view.name });
    const action = next(view, context);
    if (action === null) continue;
    if (action.type === 'fetch') {
      if (!mayFetch) continue;
      mayFetch = false;
    } else if (action.type === 'activate' || action.type === 'remove') {
      if (!maySwitch) continue;
      maySwitch = false;
    }
    actions.push(action);
  }
  return actions;
}

function isPullObsolete(view: DeploymentView): boolean {
  return view.pulling !== null && view.pulling !== view.wanted;
}

function needsRestore(view: DeploymentView): boolean {
  return view.running === null && view.active !== null;
}

function next(view: DeploymentView, context: DecisionContext): Action | null {
  const { name: deployment, wanted } = view;
  if (view.isSwitching) return null;
  if (context.isDesiredKnown && wanted === null) {
    return view.pulling === null ? { type: 'remove', deployment } : null;
  }
  const restore = nextRestore(view, context);
  // Whatever is being pulled, what served before does not wait for it.
  if (wanted === null || wanted === view.active || view.pulling !== null) return restore;
  // While the scoring process is down, the image that may end its crashes can be pulled already.
  if (restore?.type === 'activate' && context.isScoringListening) return restore;
  return nextCandidate(view, wanted, context) ?? restore;
}

/** What served before serves again, before anything new is tried. */
function nextRestore(view: DeploymentView, context: DecisionContext): Action | null {
  if (view.active === null || view.running === view.active) return null;
  return blockedBy(view, view.active, context) ?? toActivate(view, view.active);
}

function nextCandidate(view: DeploymentView, wanted: Digest, context: DecisionContext): Action | null {
  const { name: deployment, setback } = view;
  if (view.quarantined.includes(wanted)) {
    return setback?.image === wanted ? null : { type: 'refuse', deployment, image: wanted };
  }
  if (setback?.image === wanted) {
    if (setback.retryAtMs === null) return null;
    if (setback.retryAtMs > context.nowMs) {
      return { type: 'wait', deployment, untilMs: setback.retryAtMs };
    }
  }
  if (view.fetched !== wanted) return { type: 'fetch', deployment, image: wanted };
  return toActivate(view, wanted);
}

function toActivate(view: DeploymentView, image: Digest): Action {
  return { type: 'activate', deployment: view.name, image };
}

function blockedBy(view: DeploymentView, image: Digest, context: DecisionContext): Action | null {
  const { setback } = view;
  if (setback?.image !== image || setback.retryAtMs === null || setback.retryAtMs <= context.nowMs) {
    return null;
  }
  return { type: 'wait', deployment: view.name, untilMs: setback.retryAtMs };
}
