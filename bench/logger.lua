
-- A logger as one writes it in Lua: the event is encoded when
-- the request is logged and kept in a queue of the worker, timers post
-- batches over a cosocket.  Bodies are plain: lua-nginx-module has no zlib.
--
--     logger.start(HOST, PORT)     in init_worker_by_lua
--     logger.log()                 in log_by_lua

local encode = require("cjson").encode
local new_table = require("table.new")

local BATCH = 2000
local INTERVAL = 1
local AGAIN = 1

local _M = {}

local host, port, prefix
local serial = 0
local queue, n = new_table(BATCH, 0), 0

local properties = {token = "0123456789abcdef0123456789abcdef", distinct_id = ""}
local event = {event = "Page View", properties = properties}


local function post(premature, batch, len)
    local sock = ngx.socket.tcp()
    local body = "[" .. table.concat(batch, ",", 1, len) .. "]"
    local ok = sock:connect(host, port)

    ok = ok and sock:send({
        "POST /track HTTP/1.1\r\nHost: ", host,
        "\r\nContent-Type: application/json\r\nContent-Length: ", #body,
        "\r\n\r\n", body,
    })

    local line = ok and sock:receive("*l")
    local length

    while line and line ~= "" do
        length = tonumber(line:match("^Content%-Length: (%d+)")) or length
        line = sock:receive("*l")
    end

    if line and length and sock:receive(length) == "1" then
        sock:setkeepalive(10000, 8)
        return
    end

    sock:close()

    if not premature then
        ngx.timer.at(AGAIN, post, batch, len)
    end
end


local function send(premature)
    if n == 0 then
        return
    end

    local batch, len = queue, n
    queue, n = new_table(BATCH, 0), 0

    if premature or not ngx.timer.at(0, post, batch, len) then
        post(premature, batch, len)
    end
end


function _M.start(to_host, to_port)
    host, port = to_host, to_port
    prefix = ngx.worker.pid() .. "-" .. ngx.now() .. "-"

    ngx.timer.every(INTERVAL, send)
end


function _M.log()
    local var = ngx.var
    local p = properties

    serial = serial + 1

    p.time = ngx.req.start_time() * 1000
    p["$insert_id"] = prefix .. serial
    p.ip = var.remote_addr
    p["$current_url"] = var.scheme .. "://" .. (var.http_host or "")
                        .. var.request_uri
    p["$referrer"] = var.http_referer
    p.method = var.request_method
    p.status = ngx.status
    p.request_time = tonumber(var.request_time)
    p.user_agent = var.http_user_agent

    n = n + 1
    queue[n] = encode(event)

    if n == BATCH then
        local batch = queue
        queue, n = new_table(BATCH, 0), 0

        -- cosockets are for timers
        ngx.timer.at(0, post, batch, BATCH)
    end
end


return _M
