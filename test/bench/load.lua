-- The script of wrk: posts the bodies of a file, one a line, over and over, and looks at every answer.
-- Arguments: the file, and for how many seconds.
local ffi = require("ffi")
ffi.cdef([[
  struct time { long seconds, nanoseconds; };
  int clock_gettime(int clock, struct time *now);
  int getpid(void);
  int kill(int process, int signal);
]])
local SIGINT, AN_HOUR = 2, 3600 * 1000
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
  seconds = tonumber(args[2])
  sent, answered, wrong, is_over = 0, 0, 0, false
  started = now()
  last_answer = started
end

-- Asked before each request. When the time is over none is sent any more, but those on their way are waited for: slow
-- answers count, and the next load finds the server idle.
function delay()
  if is_over then
    return AN_HOUR
  end
  sent = sent + 1
  return 0
end

function request()
  return requests[(sent - 1) % #requests + 1]
end

function response(status, _, body)
  answered = answered + 1
  last_answer = now()
  if status ~= 200 or body:find('"errors"', 1, true) then
    wrong = wrong + 1
  end
  is_over = last_answer - started >= seconds
  if is_over and answered == sent then
    -- Makes wrk end in order.
    ffi.C.kill(ffi.C.getpid(), SIGINT)
  end
end

-- A connection that the server closes while nothing is asked on it is no error; a request without an answer is one.
function done(summary, latency)
  local sent, answered = only_thread:get("sent"), only_thread:get("answered")
  io.write(string.format(
    '\n{"answered":%d,"seconds":%f,"errors":%d,"p50":%f,"p99":%f}\n',
    answered,
    only_thread:get("last_answer") - only_thread:get("started"),
    only_thread:get("wrong") + sent - answered + summary.errors.connect,
    latency:percentile(50) / 1000,
    latency:percentile(99) / 1000
  ))
end
