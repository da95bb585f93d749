// The part of ONNX Runtime's C API that is used here. OrtGetApiBase()->GetApi(version) gives a
// table of functions to which every release only appends ("ABI" in ONNX Runtime's
// onnxruntime_c_api.h), so a function is known by its place. The library lies in the package
// onnxruntime-node, which has no headers.
#ifndef SLUICE_NATIVE_ORT_API_HPP_
#define SLUICE_NATIVE_ORT_API_HPP_

#include <cstddef>
#include <cstdint>

namespace sluice::ort {

#ifdef _WIN32
#define SLUICE_ORT_CALL __stdcall
#else
#define SLUICE_ORT_CALL
#endif

// Handles of the library.
struct ApiStatus;
struct ApiEnv;
struct ApiSession;
struct ApiSessionOptions;
struct ApiRunOptions;
struct ApiValue;
struct ApiAllocator;
struct ApiMemoryInfo;
struct ApiTensorInfo;

// ONNXTensorElementDataType, as far as elements are served.
enum class ElementType : int {
  kUndefined = 0,
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kUint32 = 12,
  kUint64 = 13,
  kBfloat16 = 16,
};

// ONNXType: what a value is, if it is a tensor.
constexpr int kTensorValue = 1;
// OrtLoggingLevel: what goes wrong is in the status as well.
constexpr int kLogFatal = 4;
// OrtAllocatorType and OrtMemType of ordinary memory.
constexpr int kDeviceAllocator = 0;
constexpr int kDefaultMemory = 0;

// The version of the table that has every function below.
constexpr std::uint32_t kApiVersion = 15;

struct ApiBase {
  const void* const*(SLUICE_ORT_CALL* get_api)(std::uint32_t version);
  const char*(SLUICE_ORT_CALL* get_version)();
};

// A function returns null for success, else a status that the caller releases.
template <class... Parameters>
using ApiFunction = ApiStatus*(SLUICE_ORT_CALL*)(Parameters...);
template <class Handle>
using ApiRelease = void(SLUICE_ORT_CALL*)(Handle*);

// The functions, taken from the table.
struct Api {
  explicit Api(const void* const* table)
      : get_error_message(At<const char*(SLUICE_ORT_CALL*)(const ApiStatus*)>(table, 2)),
        create_env(At<decltype(create_env)>(table, 3)),
        disable_telemetry(At<decltype(disable_telemetry)>(table, 6)),
        create_session_from_array(At<decltype(create_session_from_array)>(table, 8)),
        run(At<decltype(run)>(table, 9)),
        create_session_options(At<decltype(create_session_options)>(table, 10)),
        set_intra_op_threads(At<decltype(set_intra_op_threads)>(table, 24)),
        set_inter_op_threads(At<decltype(set_inter_op_threads)>(table, 25)),
        input_count(At<decltype(input_count)>(table, 30)),
        output_count(At<decltype(output_count)>(table, 31)),
        input_name(At<decltype(input_name)>(table, 36)),
        output_name(At<decltype(output_name)>(table, 37)),
        create_run_options(At<decltype(create_run_options)>(table, 39)),
        set_terminate(At<decltype(set_terminate)>(table, 46)),
        create_tensor(At<decltype(create_tensor)>(table, 48)),
        create_tensor_with_data(At<decltype(create_tensor_with_data)>(table, 49)),
        tensor_data(At<decltype(tensor_data)>(table, 51)),
        string_data_length(At<decltype(string_data_length)>(table, 53)),
        string_content(At<decltype(string_content)>(table, 54)),
        element_type(At<decltype(element_type)>(table, 60)),
        dimension_count(At<decltype(dimension_count)>(table, 61)),
        dimensions(At<decltype(dimensions)>(table, 62)),
        element_count(At<decltype(element_count)>(table, 64)),
        tensor_info(At<decltype(tensor_info)>(table, 65)),
        value_type(At<decltype(value_type)>(table, 67)),
        create_cpu_memory_info(At<decltype(create_cpu_memory_info)>(table, 69)),
        allocator_free(At<decltype(allocator_free)>(table, 76)),
        default_allocator(At<decltype(default_allocator)>(table, 78)),
        release_status(At<decltype(release_status)>(table, 93)),
        release_session(At<decltype(release_session)>(table, 95)),
        release_value(At<decltype(release_value)>(table, 96)),
        release_run_options(At<decltype(release_run_options)>(table, 97)),
        release_tensor_info(At<decltype(release_tensor_info)>(table, 99)),
        release_session_options(At<decltype(release_session_options)>(table, 100)),
        add_session_config(At<decltype(add_session_config)>(table, 130)),
        string_element_buffer(At<decltype(string_element_buffer)>(table, 252)) {}

  const char*(SLUICE_ORT_CALL* get_error_message)(const ApiStatus*);
  ApiFunction<int, const char*, ApiEnv**> create_env;
  ApiFunction<const ApiEnv*> disable_telemetry;
  ApiFunction<const ApiEnv*, const void*, std::size_t, const ApiSessionOptions*, ApiSession**>
      create_session_from_array;
  ApiFunction<ApiSession*, const ApiRunOptions*, const char* const*, const ApiValue* const*,
              std::size_t, const char* const*, std::size_t, ApiValue**>
      run;
  ApiFunction<ApiSessionOptions**> create_session_options;
  ApiFunction<ApiSessionOptions*, int> set_intra_op_threads;
  ApiFunction<ApiSessionOptions*, int> set_inter_op_threads;
  ApiFunction<const ApiSession*, std::size_t*> input_count;
  ApiFunction<const ApiSession*, std::size_t*> output_count;
  ApiFunction<const ApiSession*, std::size_t, ApiAllocator*, char**> input_name;
  ApiFunction<const ApiSession*, std::size_t, ApiAllocator*, char**> output_name;
  ApiFunction<ApiRunOptions**> create_run_options;
  ApiFunction<ApiRunOptions*> set_terminate;
  ApiFunction<ApiAllocator*, const std::int64_t*, std::size_t, int, ApiValue**> create_tensor;
  ApiFunction<const ApiMemoryInfo*, void*, std::size_t, const std::int64_t*, std::size_t, int,
              ApiValue**>
      create_tensor_with_data;
  ApiFunction<ApiValue*, void**> tensor_data;
  ApiFunction<const ApiValue*, std::size_t*> string_data_length;
  ApiFunction<const ApiValue*, void*, std::size_t, std::size_t*, std::size_t> string_content;
  ApiFunction<const ApiTensorInfo*, int*> element_type;
  ApiFunction<const ApiTensorInfo*, std::size_t*> dimension_count;
  ApiFunction<const ApiTensorInfo*, std::int64_t*, std::size_t> dimensions;
  ApiFunction<const ApiTensorInfo*, std::size_t*> element_count;
  ApiFunction<const ApiValue*, ApiTensorInfo**> tensor_info;
  ApiFunction<const ApiValue*, int*> value_type;
  ApiFunction<int, int, ApiMemoryInfo**> create_cpu_memory_info;
  ApiFunction<ApiAllocator*, void*> allocator_free;
  ApiFunction<ApiAllocator**> default_allocator;
  ApiRelease<ApiStatus> release_status;
  ApiRelease<ApiSession> release_session;
  ApiRelease<ApiValue> release_value;
  ApiRelease<ApiRunOptions> release_run_options;
  ApiRelease<ApiTensorInfo> release_tensor_info;
  ApiRelease<ApiSessionOptions> release_session_options;
  ApiFunction<ApiSessionOptions*, const char*, const char*> add_session_config;
  ApiFunction<ApiValue*, std::size_t, std::size_t, char**> string_element_buffer;

 private:
  template <class Function>
  static Function At(const void* const* table, std::size_t place) {
    return reinterpret_cast<Function>(const_cast<void*>(table[place]));
  }
};

}  // namespace sluice::ort

#endif  // SLUICE_NATIVE_ORT_API_HPP_
