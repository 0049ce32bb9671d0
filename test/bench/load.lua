-- A script for wrk that sends the lines of a file as request bodies, repeatedly, and checks every
-- response. Arguments: the file, the number of seconds, and how many milliseconds a connection pauses
-- before each request, on average.
local ffi = require("ffi")
ffi.cdef([[
  struct time { long seconds, nanoseconds; };
  int clock_gettime(int clock, struct time *now);
  int getpid(void);
  int kill(int process, int signal);
]])
local SIGINT, ONE_HOUR = 2, 3600 * 1000
local time = ffi.new("struct time")

local function now()
  ffi.C.clock_gettime(0, time)
  return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9
end

local only_thread

function setup(thread)
  only_thread = thread
end

function init(args)
  requests = {}
  for body in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, body)
  end
  seconds, pause = tonumber(args[2]), tonumber(args[3])
  sent, requested, received, failed, is_over = 0, 0, 0, 0, false
  started = now()
  last_response = started
end

-- wrk calls this before each request. At the end no request is sent, but wrk waits for responses:
-- slow ones count, and the next load begins on an idle server.
function delay()
  if is_over then
    return ONE_HOUR
  end
  sent = sent + 1
  -- As of independent clients: even pauses would keep connections in step.
  return math.floor(-pause * math.log(1 - math.random()) + 0.5)
end

function request()
  requested = requested + 1
  return requests[(requested - 1) % #requests + 1]
end

function response(status, _, body)
  received = received + 1
  last_response = now()
  if status ~= 200 or body:find('"errors"', 1, true) then
    failed = failed + 1
  end
  is_over = last_response - started >= seconds
  if is_over and received == sent then
    -- SIGINT ends wrk normally.
    ffi.C.kill(ffi.C.getpid(), SIGINT)
  end
end

-- A connection that the server closes while it is idle is not an error.
function done(summary, latency)
  local sent, received = only_thread:get("sent"), only_thread:get("received")
  io.write(string.format(
    '\n{"received":%d,"seconds":%f,"errors":%d,"p50":%f,"p99":%f}\n',
    received,
    only_thread:get("last_response") - only_thread:get("started"),
    only_thread:get("failed") + sent - received + summary.errors.connect,
    latency:percentile(50) / 1000,
    latency:percentile(99) / 1000
  ))
end
