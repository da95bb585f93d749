// Writes a board image (.xclbin) without hardware in it: enough of one for XRT's no-op emulation, which
// opens, allocates and starts kernels and computes nothing. The tests run the host path with it.
//   node scripts/make-xclbin.mjs FILE COMPUTE-UNIT     COMPUTE-UNIT as npu_0123456789abcdef
// Layout: struct axlf, struct axlf_section_header and the section structs of XRT's xclbin.h.
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';

const kernel = 'sluice_npu';
const controlBase = 0x1400000;
const bankKiB = 0x1000000n;

// enum axlf_section_kind
const section = {
  bitstream: 0,
  embeddedMetadata: 2,
  memoryTopology: 6,
  connectivity: 7,
  ipLayout: 8,
  groupTopology: 26,
  groupConnectivity: 27,
};

/** The arguments of sluice_npu (hls/npu/top.hpp), in order; a `bundle` makes one a pointer. */
const kernelArguments = [
  { name: 'instructions', type: 'void*', bundle: 'instructions' },
  { name: 'instruction_count', type: 'uint', bytes: 4 },
  { name: 'weights', type: 'void*', bundle: 'weights' },
  { name: 'weights_beats', type: 'ulong', bytes: 8 },
  { name: 'input', type: 'void*', bundle: 'input' },
  { name: 'input_beats', type: 'ulong', bytes: 8 },
  { name: 'output', type: 'void*', bundle: 'output' },
  { name: 'output_beats', type: 'ulong', bytes: 8 },
  { name: 'arena', type: 'void*', bundle: 'arena' },
  { name: 'arena_beats', type: 'ulong', bytes: 8 },
  { name: 'status', type: 'void*', bundle: 'status' },
];

const hexadecimal = (value) => `0x${value.toString(16)}`;

/** Where each argument's registers lie: 64 bits and a reserved word for a pointer or a long, else 32. */
function argumentElements() {
  let offset = 0x10;
  return kernelArguments.map(({ name, type, bundle, bytes = 8 }, id) => {
    const at = offset;
    offset += bytes === 8 ? 12 : 8;
    const port = bundle === undefined ? 'S_AXI_CONTROL' : `M_AXI_${bundle.toUpperCase()}`;
    const size = hexadecimal(bytes);
    return (
      `<arg name="${name}" addressQualifier="${bundle === undefined ? 0 : 1}" id="${id}" port="${port}" ` +
      `size="${size}" offset="${hexadecimal(at)}" hostOffset="0x0" hostSize="${size}" type="${type}"/>`
    );
  });
}

function portElements() {
  const bundles = new Set(kernelArguments.flatMap(({ bundle }) => bundle ?? []));
  const memoryPorts = [...bundles].map(
    (bundle) =>
      `<port name="M_AXI_${bundle.toUpperCase()}" portType="addressable" mode="master" base="0x0" ` +
      'range="0xFFFFFFFFFFFFFFFF" dataWidth="128"/>',
  );
  return [
    ...memoryPorts,
    '<port name="S_AXI_CONTROL" portType="addressable" mode="slave" base="0x0" range="0x1000" dataWidth="32"/>',
  ];
}

/** The description of the kernel that v++ embeds; XRT takes the arguments from it. */
function embeddedMetadata(computeUnit) {
  return Buffer.from(
    [
      '<?xml version="1.0" encoding="UTF-8"?>',
      '<project name="sluice"><platform vendor="xilinx" boardid="none" name="none" featureRomTime="0">',
      '<version major="1" minor="0"/><description/>',
      '<board name="none" vendor="xilinx.com" fpga="none"/>',
      '<device name="fpga0" fpgaDevice="none" addrWidth="0">',
      '<core name="OCL_REGION_0" target="hw_em" type="clc_region" clockFreq="0MHz" numComputeUnits="1">',
      '<kernelClocks><clock port="KERNEL_CLK" frequency="300.0MHz"/></kernelClocks>',
      `<kernel name="${kernel}" language="c" vlnv="xilinx.com:hls:${kernel}:1.0" attributes="" ` +
        'preferredWorkGroupSizeMultiple="0" workGroupSize="1" debug="false" interrupt="false" ' +
        'hwControlProtocol="ap_ctrl_hs">',
      ...portElements(),
      ...argumentElements(),
      `<instance name="${computeUnit}"><addrRemap base="${hexadecimal(controlBase)}" range="0x10000" ` +
        'port="S_AXI_CONTROL"/></instance>',
      '</kernel></core></device></platform></project>',
      '',
    ].join('\n'),
  );
}

/** struct mem_topology: one DDR bank. */
function memoryTopology() {
  const bytes = Buffer.alloc(48);
  bytes.writeInt32LE(1, 0);
  bytes.writeUInt8(1, 8); // MEM_DDR4
  bytes.writeUInt8(1, 9); // used
  bytes.writeBigUInt64LE(bankKiB, 16);
  bytes.write('bank0', 32, 'latin1');
  return bytes;
}

/** struct connectivity: every pointer leads to that bank. */
function connectivity() {
  const ids = kernelArguments.flatMap(({ bundle }, id) => (bundle === undefined ? [] : [id]));
  const bytes = Buffer.alloc(4 + 12 * ids.length);
  bytes.writeInt32LE(ids.length, 0);
  for (const [index, id] of ids.entries()) bytes.writeInt32LE(id, 4 + 12 * index);
  return bytes;
}

/** struct ip_layout: the one compute unit. */
function ipLayout(computeUnit) {
  const bytes = Buffer.alloc(88);
  bytes.writeInt32LE(1, 0);
  bytes.writeUInt32LE(1, 8); // IP_KERNEL
  bytes.writeBigUInt64LE(BigInt(controlBase), 16);
  bytes.write(`${kernel}:${computeUnit}`, 24, 63, 'latin1');
  return bytes;
}

/** struct axlf_section_header for each section, and the sections, from `start` of the file. */
function layOut(sections, start) {
  const headers = [];
  const bodies = [];
  let offset = start + 40 * sections.length;
  for (const [kind, bytes] of sections) {
    const padding = (8 - (offset % 8)) % 8;
    const header = Buffer.alloc(40);
    header.writeUInt32LE(kind, 0);
    header.write('sluice', 4, 15, 'latin1');
    header.writeBigUInt64LE(BigInt(offset + padding), 24);
    header.writeBigUInt64LE(BigInt(bytes.length), 32);
    headers.push(header);
    bodies.push(Buffer.alloc(padding), bytes);
    offset += padding + bytes.length;
  }
  return { bytes: Buffer.concat([...headers, ...bodies]), end: offset };
}

/** struct axlf, up to its sections. */
function axlfHeader(sectionCount, length) {
  const bytes = Buffer.alloc(axlfBytes);
  bytes.write('xclbin2', 0, 'latin1');
  bytes.writeInt32LE(-1, 8); // no signature
  bytes.fill(0xff, 12, 40);
  bytes.writeBigUInt64LE(1n, 296); // unique identifier
  const header = 304;
  bytes.writeBigUInt64LE(BigInt(length), header);
  bytes.writeUInt8(2, header + 26); // version 2.13.0, of the XRT whose layout this is
  bytes.writeUInt8(13, header + 27);
  bytes.write('sluice_noop', header + 48, 63, 'latin1');
  randomBytes(16).copy(bytes, header + 112);
  bytes.writeUInt32LE(sectionCount, header + 144);
  return bytes;
}
const axlfBytes = 456;

/** The bytes of an image whose only kernel has the compute unit of that name. */
function makeXclbin(computeUnit) {
  const sections = [
    [section.memoryTopology, memoryTopology()],
    [section.groupTopology, memoryTopology()],
    [section.connectivity, connectivity()],
    [section.groupConnectivity, connectivity()],
    [section.ipLayout, ipLayout(computeUnit)],
    [section.embeddedMetadata, embeddedMetadata(computeUnit)],
    [section.bitstream, Buffer.from('no bitstream')],
  ];
  const { bytes, end } = layOut(sections, axlfBytes);
  return Buffer.concat([axlfHeader(sections.length, end), bytes]);
}

const [file, computeUnit] = process.argv.slice(2);
if (file === undefined || !/^[a-z][a-z0-9_]{0,40}$/.test(computeUnit ?? '')) {
  console.error('usage: node scripts/make-xclbin.mjs FILE COMPUTE-UNIT');
  process.exitCode = 2;
} else {
  writeFileSync(file, makeXclbin(computeUnit));
}
