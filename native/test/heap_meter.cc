// heapMeter(): how many bytes of the C library's heap are in use, in all threads. What a process holds of the machine's memory
// says less: allocator and V8 keep what was given back to them.

#include <malloc.h>
#include <node_api.h>

namespace {

napi_value JS_HeapMeter(napi_env env, napi_callback_info) {
  const struct mallinfo2 heap = mallinfo2();
  napi_value bytes = nullptr;
  napi_create_double(env, static_cast<double>(heap.uordblks + heap.hblkhd), &bytes);
  return bytes;
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_value function = nullptr;
  napi_create_function(env, "heapMeter", NAPI_AUTO_LENGTH, JS_HeapMeter, nullptr, &function);
  napi_set_named_property(env, exports, "heapMeter", function);
  return exports;
}
