/** Style of the report page. Colours are those of Okabe and Ito, which colour-blind people tell apart. */
export const pageStyle = `
:root { color-scheme: light dark; --back: #fff; --card: #f5f6f8; --ink: #1b1f24; --soft: #59636e; --line: #d1d9e0;
  --npu: #0072b2; --head: #b35900; --tail: #a0457a; --bar: #9cc9e8; }
@media (prefers-color-scheme: dark) { :root { --back: #0f1318; --card: #1a2028; --ink: #e6edf3; --soft: #9aa5b1;
  --line: #323b45; --npu: #56b4e9; --head: #e69f00; --tail: #dd8fbe; --bar: #1f5c85; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 84rem; background: var(--back); color: var(--ink);
  font: 15px/1.45 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.5rem; overflow-wrap: anywhere; } h2 { margin: 2rem 0 .5rem; font-size: 1.15rem; }
p { margin: .3rem 0; } .soft, caption, small { color: var(--soft); }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(12.5rem, 1fr)); gap: .75rem; margin-top: 1rem; }
.card { background: var(--card); border-radius: 8px; padding: .6rem .8rem; overflow-wrap: anywhere; }
.card b { display: block; font-size: 1.3rem; font-weight: 600; } .card small { display: block; }
.label { display: inline-block; border: 1px solid var(--head); color: var(--head); border-radius: 99px;
  padding: 0 .6rem; font-size: .85rem; }
.scroll { overflow: auto; max-height: 42rem; border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: .85rem; }
th { position: sticky; top: 0; background: var(--card); text-align: left; font-weight: 600; z-index: 1; }
th, td { padding: .22rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
td.name { max-width: 22rem; overflow: hidden; text-overflow: ellipsis; } td.why { white-space: normal; min-width: 16rem; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
td.bar { position: relative; min-width: 7rem; }
td.bar i { position: absolute; inset: 3px auto 3px 0; background: var(--bar); border-radius: 0 3px 3px 0; }
td.bar span { position: relative; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; font-size: .85rem; color: var(--soft); }
.legend i { display: inline-block; width: .8rem; height: .8rem; border-radius: 2px; margin-right: .35rem; vertical-align: -1px; }
.graph text { font: 12px system-ui, sans-serif; fill: var(--ink); } .graph .why { fill: var(--soft); }
.graph path { fill: none; stroke: var(--soft); stroke-width: 1.2; opacity: .75; }
.graph rect { fill: var(--card); stroke-width: 1.6; }
.npu rect { stroke: var(--npu); } .host-head rect { stroke: var(--head); } .host-tail rect { stroke: var(--tail); }
.edge rect { stroke: var(--line); }
i.npu { background: var(--npu); } i.host-head { background: var(--head); } i.host-tail { background: var(--tail); }
.chart { display: grid; grid-template-columns: 5.5rem 1fr; gap: .3rem .5rem; }
.chart .units { display: grid; grid-template-rows: repeat(3, 1fr); align-items: center; text-align: right; font-size: .85rem; color: var(--soft); }
.chart .lines { display: flex; flex-direction: column; justify-content: space-between; text-align: right; font-size: .8rem; color: var(--soft); }
.chart svg { width: 100%; background: var(--card); border-radius: 4px; display: block; cursor: crosshair; touch-action: none; }
.chart rect { stroke: var(--card); stroke-width: .6; vector-effect: non-scaling-stroke; }
.chart rect:hover { fill-opacity: .65; }
.axis { grid-column: 2; display: flex; justify-content: space-between; font-size: .8rem; color: var(--soft); }
.told { grid-column: 2; min-height: 1.5em; font-size: .85rem; }
.kind-0 { fill: #0072b2; background: #0072b2; } .kind-1 { fill: #009e73; background: #009e73; }
.kind-2 { fill: #e69f00; background: #e69f00; } .kind-3 { fill: #d55e00; background: #d55e00; }
.kind-4 { fill: #cc79a7; background: #cc79a7; } .kind-5 { fill: #56b4e9; background: #56b4e9; }
.kind-6 { fill: #8a8f00; background: #8a8f00; } .kind-7 { fill: #7a6bd0; background: #7a6bd0; }
.kind-8 { fill: #888; background: #888; } .odd { fill-opacity: .72; }
@media print { .scroll { max-height: none; overflow: visible; } }
`;
