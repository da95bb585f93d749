// The only place that knows the spelling of HLS compilers. Every macro may expand to nothing: the
// code is right without any, and g++ compiles it as plain C++14.
#ifndef SLUICE_HLS_PORTABILITY_HPP_
#define SLUICE_HLS_PORTABILITY_HPP_

#if defined(__SYNTHESIS__)
#define HLS_PRAGMA_TEXT(text) _Pragma(#text)
#define HLS_PRAGMA(text) HLS_PRAGMA_TEXT(HLS text)
// Starts a loop iteration (or a function call) every `interval` clocks.
#define HLS_PIPELINE(interval) HLS_PRAGMA(PIPELINE II = interval)
#define HLS_UNROLL HLS_PRAGMA(UNROLL)
#define HLS_INLINE HLS_PRAGMA(INLINE)
// Splits one dimension of an array into registers or banks of one element each.
#define HLS_PARTITION(array, dimension) \
  HLS_PRAGMA(ARRAY_PARTITION variable = array complete dim = dimension)
// Deals the elements of an array out to `banks` memories in turn.
#define HLS_PARTITION_CYCLIC(array, banks) \
  HLS_PRAGMA(ARRAY_PARTITION variable = array cyclic factor = banks dim = 1)
// Packs the members of a struct into one wide word.
#define HLS_AGGREGATE(object) HLS_PRAGMA(AGGREGATE variable = object compact = bit)
#define HLS_MEMORY_PORT(pointer, name) HLS_PRAGMA(INTERFACE m_axi port = pointer bundle = name)
#define HLS_CONTROL_PORT(argument) HLS_PRAGMA(INTERFACE s_axilite port = argument)
#define HLS_LABEL(name) \
  name:
#else
#define HLS_PIPELINE(interval)
#define HLS_UNROLL
#define HLS_INLINE
#define HLS_PARTITION(array, dimension)
#define HLS_PARTITION_CYCLIC(array, banks)
#define HLS_AGGREGATE(object)
#define HLS_MEMORY_PORT(pointer, name)
#define HLS_CONTROL_PORT(argument)
#define HLS_LABEL(name)
#endif

#endif  // SLUICE_HLS_PORTABILITY_HPP_
