-- What wrk sends: `enqueue IDS` enqueues an item about each document of a file of ids; `upload
-- BYTES` uploads documents of that size. Prints one JSON object.

local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

local function read_ids(path, number)
  local ids, line_number = {}, 0
  for line in io.lines(path) do
    if line_number % 2 == number then -- two threads, as run.py starts it
      ids[#ids + 1] = line
    end
    line_number = line_number + 1
  end
  return ids
end

function init(args)
  at = 0
  if args[1] == "enqueue" then
    ids = read_ids(args[2], number)
    headers = {["Content-Type"] = "application/json"}
    request = function()
      at = at + 1
      return wrk.format("POST", "/v1/items", headers,
                        '{"document_id":"' .. (ids[at] or "none are left") ..
                        '","operation":"bench"}')
    end
  else
    local body = string.rep("A line of a document that somebody uploads.\n", 1 + args[2] / 44)
    headers = {["Content-Type"] = "application/octet-stream"}
    request = function()
      at = at + 1
      local head = string.format("%d %d\n", number, at)
      return wrk.format("POST", "/v1/documents?filename=a.txt&operation=bench", headers,
                        head .. body:sub(1, args[2] - #head))
    end
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "microseconds": %d, "p50_us": %d, "p99_us": %d, "errors": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
