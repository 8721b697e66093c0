// Brings an event stream's batches to a JavaScript function. One listener is one thread;
// it ends by close(), by the supplicant's end, or with its environment.
#pragma once

#include <napi.h>

#include "event_stream.h"

namespace wifi_direct {

// Once for each environment, before the first Listen().
void PrepareListening(Napi::Env env);

// Starts listening and returns the function that ends it, which may be called any number of times. `listener` is
// called with { type: 'attached' }, { type: 'event', bytes }, { type: 'dropped', count } and, as the last thing unless
// closed before, { type: 'ended', code, message, errno? }.
Napi::Function Listen(Napi::Env env, EventStreamOptions options, Napi::Function listener);

}  // namespace wifi_direct
