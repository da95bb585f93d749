// A bounded channel between two concurrent processes of the hardware. Simulations bring a class
// with the same members (threaded_test_stream.hpp).
#ifndef SLUICE_HLS_STREAMS_VENDOR_STREAM_HPP_
#define SLUICE_HLS_STREAMS_VENDOR_STREAM_HPP_

#include <cstdint>

#include "hls/portability.hpp"

#if defined(SLUICE_HLS_VITIS) && defined(__SYNTHESIS__)

namespace sluice {

template <class Element, std::uint32_t Depth>
class VendorStream {
 public:
  // Waits until there is one.
  Element Read() {
    HLS_INLINE
    return stream_.read();
  }

  // Waits until there is room.
  void Write(const Element& element) {
    HLS_INLINE
    stream_.write(element);
  }

  // Takes one if there is one.
  bool TryRead(Element& element) {
    HLS_INLINE
    return stream_.read_nb(element);
  }

  bool HasRoom() const {
    HLS_INLINE
    return !stream_.full();
  }

 private:
  hls::stream<Element, Depth> stream_;
};

}  // namespace sluice

#endif

#endif  // SLUICE_HLS_STREAMS_VENDOR_STREAM_HPP_
