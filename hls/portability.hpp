// The only place that knows the spelling of HLS compilers. Every macro may expand to nothing: the
// code is right without any, and g++ compiles it as plain C++14.
//
// AMD Vitis HLS has a spelling, chosen by SLUICE_HLS_VITIS on the command line or by __SYNTHESIS__
// with __VITIS_HLS__ (its C simulation defines the second alone). For all others every macro is
// empty. __SYNTHESIS__ alone selects nothing, because several vendors define it (Microchip SmartHLS
// too) and each refuses the pragmas of another. PandA-Bambu has none: it finds a pragma's function
// by the name of its file, which one out of a macro doesn't have (README.md says what it needs).
#ifndef SLUICE_HLS_PORTABILITY_HPP_
#define SLUICE_HLS_PORTABILITY_HPP_

#if defined(__SYNTHESIS__) && defined(__VITIS_HLS__) && !defined(SLUICE_HLS_VITIS)
#define SLUICE_HLS_VITIS
#endif

// The vendor's streams; hls/streams/ wraps them.
#if defined(SLUICE_HLS_VITIS) && defined(__SYNTHESIS__)
#include <hls_stream.h>
#endif

// Parameters below are never named as a word of a pragma is: the word would be replaced too.
#define HLS_PRAGMA_TEXT(text) _Pragma(#text)
#define HLS_PRAGMA(text) HLS_PRAGMA_TEXT(HLS text)

#if defined(SLUICE_HLS_VITIS)

// Inside a loop or a function body: starts an iteration (a call) every `interval` clocks.
#define HLS_PIPELINE(interval) HLS_PRAGMA(PIPELINE II = interval)
// Inside a loop body: all iterations at once.
#define HLS_UNROLL HLS_PRAGMA(UNROLL)
// Before a loop: the name that reports give it.
#define HLS_LABEL(name) \
  name:
// First in a function body: dissolved into its callers.
#define HLS_INLINE HLS_PRAGMA(INLINE)
// First in a function or loop body: the calls that follow run as concurrent processes.
#define HLS_DATAFLOW HLS_PRAGMA(DATAFLOW)
// After the declaration of an array: splits one dimension (0: all) into single elements.
#define HLS_PARTITION(array, dimension) \
  HLS_PRAGMA(ARRAY_PARTITION variable = array complete dim = dimension)
// Packs the members of a struct into one wide word.
#define HLS_AGGREGATE(object) HLS_PRAGMA(AGGREGATE variable = object compact = bit)
// In the loop body: no iteration reads what another one writes in this array.
#define HLS_DEPENDENCE_FREE(array) \
  HLS_PRAGMA(DEPENDENCE variable = array type = inter dependent = false)
// First in the top's body: a pointer on an AXI master; `words` is what a co-simulation reserves.
// 64 beats stay within AXI's 4 KiB up to a bus of 512 bits.
#define HLS_MEMORY_PORT(pointer, group, words)                                           \
  HLS_PRAGMA(INTERFACE mode = m_axi port = pointer bundle = group depth = words offset = \
                 slave num_read_outstanding = 16 num_write_outstanding =                 \
                     16 max_read_burst_length = 64 max_write_burst_length = 64)
// First in the top's body: an argument, or `return`, in the AXI-Lite register file.
#define HLS_CONTROL_PORT(argument) HLS_PRAGMA(INTERFACE mode = s_axilite port = argument)

#else

#define HLS_PIPELINE(interval)
#define HLS_UNROLL
#define HLS_LABEL(name)
#define HLS_INLINE
#define HLS_DATAFLOW
#define HLS_PARTITION(array, dimension)
#define HLS_AGGREGATE(object)
#define HLS_DEPENDENCE_FREE(array)
#define HLS_MEMORY_PORT(pointer, group, words)
#define HLS_CONTROL_PORT(argument)

#endif

#endif  // SLUICE_HLS_PORTABILITY_HPP_
