/* Every ceiling of the program, with its reason. Sorted by subject. */
#ifndef FAIRLEAD_BASE_LIMITS_H
#define FAIRLEAD_BASE_LIMITS_H

/* --- Access log --- */
/* One worker's ring of finished lines on their way to the writer thread; a full ring drops, counts and says so. */
#define ACCESS_LOG_RING_BYTES (1024 * 1024)
/* One line: a request head may be 60 KiB, escaping can grow it; longer lines are cut at the field. */
#define ACCESS_LOG_LINE_BYTES_MAX (64 * 1024)
/* Items (operators and literals) in one accessLogFormat. */
#define ACCESS_LOG_ITEMS_MAX 512
/* Nesting of objects in a JSON accessLogFormat. */
#define ACCESS_LOG_DEPTH_MAX 8

/* --- DNS --- */
/* Host names of one configuration that are kept resolved: two queries each. */
#define DNS_NAMES_MAX 4096
/* Addresses kept of one name; an answer over UDP holds fewer. */
#define DNS_ADDRESSES_MAX 64
/* Sockets of the resolver that are looked at in one turn: one UDP and one TCP socket a server. */
#define DNS_SOCKETS_MAX 32
/* An answer counts at least and at most this long, whatever its time to live: a zero must not make a flood, nor a long one outlive a move. */
#define DNS_LIFETIME_NS_MIN SECONDS(1)
#define DNS_LIFETIME_NS_MAX SECONDS(300)
/* What failed is asked again after this, doubling up to Istio's dnsRefreshRate. */
#define DNS_RETRY_NS_MIN MILLISECONDS(500)
#define DNS_RETRY_NS_MAX SECONDS(60)

/* --- Configuration --- */
/* One document tree's nesting: deeper YAML is an attack or a mistake. */
#define CONFIGURATION_DEPTH_MAX 64
/* One input file. */
#define CONFIGURATION_FILE_BYTES_MAX (64 * 1024 * 1024)
/* All input files of one load. */
#define CONFIGURATION_FILES_MAX 20000
#define CONFIGURATION_TOTAL_BYTES_MAX (512UL * 1024 * 1024)
/* YAML anchors may multiply; nodes of one document after aliases are resolved. */
#define CONFIGURATION_NODES_MAX 4000000
/* A file that was written less than this before it was read is read again at the next load: a second write within one tick of the file
 * system's clock (10 ms at most) would not show. */
#define SOURCE_SETTLED_NS (50UL * 1000 * 1000)
/* Snapshots that share what did not change with the one before, each a little memory more: then everything is compiled once again. */
#define RELOAD_GRAFTS_MAX 64
/* After so long without a change everything is compiled once again, so that nothing is left of what grafts no longer use. */
#define RELOAD_SETTLED_NS (5UL * 1000 * 1000 * 1000)
/* Diagnostics kept of one load; the rest are counted. */
#define CONFIGURATION_DIAGNOSTICS_MAX 2000
/* Messages of one code in an analysis; the rest are counted. Every two Gateways of one certificate make two, and must not crowd out the others. */
#define ANALYSIS_MESSAGES_MAX 10000

/* The body of a directResponse: Istio's own ceiling. */
#define DIRECT_RESPONSE_BODY_BYTES_MAX (1024 * 1024)

/* --- Memory --- */
/* A chunk of buffered bytes: with its header a little under 16 KiB of heap, so that malloc rounds well and one TLS record fits. */
#define BUFFER_CHUNK_BYTES (16 * 1024 - 64)
/* Chunks that one worker may hold in all buffers together (512 MiB): past it, connections are refused their growth and closed. */
#define BUFFER_CHUNKS_MAX 32768
/* Freed chunks a worker keeps for reuse. */
#define BUFFER_CHUNKS_KEPT_MAX 256
/* Bytes waiting for a slow reader above which its source is no longer read, and below which it is again. */
#define BUFFER_HIGH_WATER_BYTES (256 * 1024)
#define BUFFER_LOW_WATER_BYTES (64 * 1024)
#define SNAPSHOT_ARENA_BLOCK_BYTES (64 * 1024)
#define EXCHANGE_ARENA_BLOCK_BYTES (4 * 1024)

/* --- HTTP --- */
/* Request or response head, start line and fields (Envoy's max_request_headers_kb default). Above: 431. */
#define HTTP_HEAD_BYTES_MAX (60 * 1024)
/* Request target: longer ones get 414 (RFC 9110 section 4.1 asks to support at least 8000). */
#define HTTP_TARGET_BYTES_MAX (16 * 1024)
/* Fields in one head (Envoy's max_headers_count default). Above: 431. */
#define HTTP_FIELDS_MAX 100
/* Trailer section. */
#define HTTP_TRAILER_BYTES_MAX (16 * 1024)
/* One chunk-size line with its extensions: RFC 9112 section 7.1.1 asks for a limit. */
#define HTTP_CHUNK_LINE_BYTES_MAX 4096
/* Empty lines tolerated before a request line (RFC 9112 section 2.2 asks for at least one). */
#define HTTP_EMPTY_LINES_MAX 4
/* Informational responses relayed for one request. */
#define HTTP_INFORMATIONAL_MAX 16
/* Request body bytes kept for a retry; past it the retry is lost, never the stream. */
#define HTTP_REPLAY_BYTES_MAX (64 * 1024)

/* A request body that is copied for a mirror (Envoy's buffer: 1 MiB); of a larger one there is no mirror. */
#define HTTP_MIRROR_BYTES_MAX (1024 * 1024)
/* The body of an answer of the gateway itself, as a gRPC client gets it in a field. */
#define GRPC_MESSAGE_BYTES_MAX 1024
/* Options in all Connection fields of one head: each is compared with every field. */
#define HTTP_CONNECTION_OPTIONS_MAX 32
/* All chunk extensions of one message: they cost the sender nothing and are thrown away. */
#define HTTP_CHUNK_EXTENSION_BYTES_MAX (16 * 1024)

/* --- HTTP/2 --- */
/* Streams that a client may have open at a time: RFC 9113 section 6.5.2 asks for 100 or more. */
#define HTTP2_STREAMS_MAX 100
/* Requests on one upstream connection at a time, if the upstream takes so many: what Go's servers take; beyond, one lost packet would hold up too
 * many. And what is assumed before the upstream has said it (RFC 9113 section 6.5.2 asks for 100). */
#define HTTP2_UPSTREAM_STREAMS_MAX 250
#define HTTP2_UPSTREAM_STREAMS_ASSUMED 100
/* A request that was given up after so long, while its HTTP/2 upstream connection brought not a byte: perhaps the peer is gone without a word (a
 * host that lost its power), and further requests should not be lost with it. */
#define HTTP2_UPSTREAM_SILENCE_NS SECONDS(1)
/* What a peer may send on one stream before we read on (its window), and on the whole connection. */
#define HTTP2_STREAM_WINDOW_BYTES (256 * 1024)
#define HTTP2_CONNECTION_WINDOW_BYTES (1024 * 1024)
/* Response bytes that wait for a client's window on one stream: above it the stream's source is no longer read, below it is again. Lower than
 * a connection's, for a connection has HTTP2_STREAMS_MAX of them. */
#define HTTP2_STREAM_HIGH_WATER_BYTES (64 * 1024)
#define HTTP2_STREAM_LOW_WATER_BYTES (16 * 1024)
/* The same of all streams of one connection: above it, those that hold more than the low water rest. Sixteen that do not move leave the others
 * a place. */
#define HTTP2_CONNECTION_QUEUE_BYTES_MAX (1024 * 1024)
/* Request bytes that were read for streams whose upstreams do not keep up: above it, the connection's window is withheld with the stream's. */
#define HTTP2_CONNECTION_WITHHELD_BYTES_MAX (4 * 1024 * 1024)
/* One field section as it comes out of its compression. Between HTTP_HEAD_BYTES_MAX and this: 431. Above it is a bomb: the session ends. */
#define HTTP2_SECTION_BYTES_MAX (4 * 60 * 1024)
/* CONTINUATION frames of one section: a head of HTTP_HEAD_BYTES_MAX needs three. */
#define HTTP2_CONTINUATIONS_MAX 16
/* Streams that a client may reset (or make us reset) before their answer: what browsers do when a page is left, and deadlines of gRPC; each
 * costs us a request. An answered stream gives one back. */
#define HTTP2_RESETS_MAX 400
#define HTTP2_RESETS_PER_TICK 100
/* Frames that ask for an answer of ours or change the session: no client sends many. */
#define HTTP2_SETTINGS_FRAMES_MAX 100
#define HTTP2_SETTINGS_FRAMES_PER_TICK 10
#define HTTP2_PINGS_MAX 500
#define HTTP2_PINGS_PER_TICK 100
/* DATA without a byte of content and without an end. */
#define HTTP2_EMPTY_FRAMES_MAX 200
#define HTTP2_EMPTY_FRAMES_PER_TICK 20
/* WINDOW_UPDATE frames: a DATA frame of HTTP2_DATA_SMALL_BYTES or more gives HTTP2_WINDOW_FRAMES_PER_DATA back (a client credits the stream
 * and the connection), smaller ones do not: grants of one byte would pay for themselves. */
#define HTTP2_WINDOW_FRAMES_MAX 1000
#define HTTP2_WINDOW_FRAMES_PER_TICK 1000
#define HTTP2_WINDOW_FRAMES_PER_DATA 10
#define HTTP2_DATA_SMALL_BYTES 64
/* PRIORITY and unknown frames: browsers send a handful with each request. */
#define HTTP2_PRIORITY_FRAMES_MAX 1000
#define HTTP2_PRIORITY_FRAMES_PER_TICK 1000
/* Frames of ours, DATA aside, that wait for a client that does not read. */
#define HTTP2_OUTBOUND_FRAMES_MAX 1000
/* Ticks without a byte for a response that waits for the client's window: then the stream is reset (one minute). */
#define HTTP2_STALL_TICKS_MAX 12
/* Streams that we reset lately: frames that were under way to them are no mistake. */
#define HTTP2_RESET_IDS_KEPT 64
/* A client whose stream ids come near 2^31 is asked to begin anew in good time (RFC 9113 section 5.1.1). */
#define HTTP2_STREAM_ID_MAX 0x7ff00000
/* Freed streams a session keeps for reuse. */
#define HTTP2_STREAMS_KEPT_MAX 32
/* Freed memory of libnghttp2 that a worker keeps for the next streams: a stream takes about 1.5 KiB, and those of a connection end in bursts. */
#define HTTP2_MEMORY_KEPT_BYTES_MAX (256 * 1024)

/* --- Metrics --- */
/* Hosts that are counted for themselves; those past them share one name. Each takes about 1 KiB a worker that serves it. */
#define METRICS_DESTINATIONS_MAX 8192
/* Outcomes (code, flags, protocol, gRPC status) of one destination: the rest is counted together, or a client could make series by the codes that
 * it provokes. */
#define DESTINATION_OUTCOMES_MAX 64
/* Destinations whose histograms are told apart, in the order of their first request: each takes 66 lines and 45 KiB of a scrape. The others share
 * one set. */
#define METRICS_HISTOGRAMS_MAX 100
/* Certificates whose expiry is told. */
#define METRICS_CERTIFICATES_MAX 2000

/* --- Deadlines --- */
/* The step in which HTTP/2 sessions learn that time passes: their rates and stalls are counted in it. */
#define HTTP_SESSION_TICK_NS SECONDS(5)
/* A whole ClientHello, and a TLS handshake (Istio: PILOT_GATEWAY_TRANSPORT_SOCKET_CONNECT_TIMEOUT). */
#define DEADLINE_CLIENT_HELLO_NS SECONDS(15)
#define DEADLINE_HANDSHAKE_NS SECONDS(15)
/* A request's whole head once its first byte came. */
#define DEADLINE_REQUEST_HEAD_NS SECONDS(60)
/* An idle keep-alive connection, a tunnel without a byte either way, a request without progress. */
#define DEADLINE_IDLE_NS SECONDS(3600)
/* After an early final answer or an error: how long input is read and thrown away so that the answer is not lost to a reset. */
#define DEADLINE_LINGER_NS SECONDS(2)
/* An HTTP client that ended its side while its request waits for an answer has gone away, or is half-closed and still reads: the two look
 * alike, so the answer gets this long to begin. */
#define DEADLINE_HALF_CLOSED_NS SECONDS(1)
/* An idle upstream connection is given up before most servers would (nginx: 75 s) is not safe to assume: one hour as Envoy, and rule 11's check. */
#define DEADLINE_UPSTREAM_IDLE_NS SECONDS(3600)
/* A mirror, from the head of its request to the end of the answer that nobody reads; the route's timeout where that is shorter. */
#define DEADLINE_MIRROR_NS SECONDS(60)
/* Tunnels and streams older than this copy what they will log and unpin their snapshot. */
#define DEADLINE_SNAPSHOT_PIN_NS SECONDS(10)

/* --- TLS --- */
/* A ClientHello on a passthrough chain; AWS-LC itself refuses more than 16 KiB on a terminating one. */
#define TLS_CLIENT_HELLO_BYTES_MAX (64 * 1024)
#define TLS_TERMINATED_HELLO_BYTES_MAX (16 * 1024)
/* What a worker reads from a socket at a time, shared by its connections. */
#define WORKER_READ_BYTES (64 * 1024)
/* What a tunnel reads of it: 1 MiB costs a tenth less through 32 KiB than through 16, and a quarter less than through 64, of which the socket often
 * leaves a part (bench/compare --loads passthrough-1m). */
#define TUNNEL_READ_BYTES (32 * 1024)
/* Ciphertext written before it is flushed, shared by a worker's connections. */
#define WORKER_WRITE_BYTES (64 * 1024)
/* Session ticket keys change this often; the former one still opens tickets. */
#define TLS_TICKET_ROTATION_NS SECONDS(12 * 3600)
/* A shared ticket key that is older is told of: twice the day after which it should be replaced. */
#define TLS_TICKET_STALE_NS SECONDS(48 * 3600)
/* Certificates of one chain: public ones have two to four. */
#define TLS_CHAIN_CERTIFICATES_MAX 16
/* The largest certificate that is read without the library's object of it: most have 0.5 to 2 KiB. */
#define TLS_CERTIFICATE_SCAN_BYTES_MAX 8192
/* The same of a private key: RSA with 4096 bits has 2.4 KiB. */
#define TLS_KEY_SCAN_BYTES_MAX 4096
/* A client's chain, encoded, as it comes in before the client has proven anything: 16 certificates of 2 KiB. */
#define TLS_CLIENT_CHAIN_BYTES_MAX (32 * 1024)
/* Names of authorities told to a client that is asked for a certificate; clients manage without when there are more. */
#define TLS_AUTHORITY_NAMES_BYTES_MAX (16 * 1024)
/* A file of certificates or a key: the public authorities take 220 KiB. */
#define TLS_FILE_BYTES_MAX (1024 * 1024)
/* Sessions that one client policy keeps for resumption, of all its server names together. */
#define TLS_CLIENT_SESSIONS_MAX 64
/* RSA keys below this are refused, as Envoy does. */
#define TLS_RSA_BITS_MIN 2048
/* The ALPN list of one policy, encoded: a byte of size before each name. */
#define TLS_ALPN_BYTES_MAX 255
/* KeyUpdate messages without application data between them (BoringSSL's limit). */
#define TLS_KEY_UPDATES_MAX 32
/* A record whose plaintext is smaller than this is not begun only to fill the rest of an output window. */
#define TLS_RECORD_SPLIT_BYTES_MIN 1024

/* --- Worker --- */
/* Events taken from the kernel in one turn of a loop. */
#define LOOP_EVENTS_PER_TURN 256
/* Connections that the kernel keeps for a listener until they are accepted (it lowers this to net.core.somaxconn). */
#define SOCKET_BACKLOG 4096
#define WORKER_THREADS_MAX 256
/* Downstream connections of one worker. */
#define WORKER_CONNECTIONS_MAX 100000
/* Connections of one worker that have not chosen a protocol or not finished their handshake (up to about 40 KiB each): some hundreds at a time is
 * what the quickest worker has with clients far away. */
#define WORKER_HANDSHAKES_MAX 4096
/* What all of them together get of a worker's time while others have work; a turn with less work than this is idle (a request takes half of it);
 * and what they may save up: a handshake or two (RSA 2048: 0.6 ms). */
#define HANDSHAKE_SHARE_PERCENT 10
#define HANDSHAKE_IDLE_TURN_NS (20 * 1000)
#define HANDSHAKE_CREDIT_NS_MAX (int64_t) MILLISECONDS(1)
/* Accepting in one turn of a listener: others wait meanwhile. */
#define HANDSHAKE_ACCEPT_NS (100 * 1000)
/* Freed connections a worker keeps for reuse. */
#define WORKER_CONNECTIONS_KEPT_MAX 1024
/* Clusters whose round robin a worker remembers, those of former snapshots among them. */
#define BALANCE_CLUSTERS_MAX 65536
/* A weighted endpoint that a request has tried already is drawn again this often at most. */
#define BALANCE_DRAWS_MAX 8
/* Exchanges of one worker (about 8 KiB each with their HTTP/2 streams), those of HTTP/1 among them: past it, new HTTP/2 streams are refused, of
 * which each connection could have HTTP2_STREAMS_MAX. As much memory as all buffers may take. */
#define WORKER_EXCHANGES_MAX 65536
/* Freed exchanges (about 6 KiB each) a worker keeps for reuse. */
#define WORKER_EXCHANGES_KEPT_MAX 256
/* Connections accepted in one turn of a listener. */
#define WORKER_ACCEPTS_PER_TURN 32
/* Bytes one connection may move in one turn before the others get theirs. */
#define WORKER_TURN_BYTES (256 * 1024)
/* Idle upstream connections kept for one endpoint by one worker: below what HTTP/2 clients ask at once, most requests would open one anew. They hold no
 * buffers. */
#define WORKER_UPSTREAM_IDLE_MAX 1024
/* Mirrors of one worker that are under way, and the bodies kept for them together: further ones are not sent. */
#define WORKER_MIRRORS_MAX 1024
#define WORKER_MIRROR_BYTES_MAX (64L * 1024 * 1024)
/* Of a server name towards an upstream, RFC 1035 section 2.3.4; a longer one is cut and so fits no certificate. */
#define UPSTREAM_SERVER_NAME_BYTES_MAX 255
/* How long accepting pauses when descriptors run out. */
#define WORKER_ACCEPT_PAUSE_NS MILLISECONDS(100)
/* Snapshots alive at once; a further reload waits for one to be let go. */
#define SNAPSHOTS_LIVE_MAX 16

/* --- Routing --- */
/* Virtual hosts with more routes get an index; up to here a walk is as quick. */
#define ROUTE_INDEX_ROUTES_MIN 8

/* Endpoints of one cluster that are remembered though they take no requests: enough to tell a person why. */
#define ENDPOINTS_ABSENT_MAX 64

/* --- Comparing configurations --- */
/* Requests for one path: so many combinations of headers and parameters are tried, past that each value alone. */
#define DIFF_COMBINATIONS_MAX 4096
/* Headers and parameters that the routes of one path may look at. */
#define DIFF_DIMENSIONS_MAX 24
/* Paths of one virtual host: its routes mention up to five each. */
#define DIFF_PATHS_MAX 10000
/* Connections for one name and requests for another on one port. */
#define DIFF_NAME_PAIRS_MAX 40000

/* --- Regular expressions --- */
/* One compiled pattern and its matching state: RE2's own default; a pattern whose program is larger is refused. */
#define REGEX_MEMORY_BYTES_MAX (8L * 1024 * 1024)
/* Patterns of a virtual host in one automaton: below, one by one is as quick; above, its states may pass the memory, and then every match is slow. */
#define REGEX_SET_PATTERNS_MIN 4
#define REGEX_SET_PATTERNS_MAX 128
/* A pattern of a VirtualService as written: Istio's admission refuses longer ones. */
#define ROUTE_REGEX_BYTES_MAX 1024

/* --- Server --- */
/* How long a line may lie in a ring before the writer looks: prompt for people, and 40 wake-ups a second at most. */
#define LOG_WRITER_WAIT_NS MILLISECONDS(25)
/* The same while the rings fill fast: leaves the more room for the times when the writer does not get a processor. */
#define LOG_WRITER_BUSY_WAIT_NS MILLISECONDS(4)
/* Lines that were lost are told of at most this often. */
#define LOG_WRITER_REPORT_NS SECONDS(10)
/* How long the last lines may take at the end of the process when their reader is stuck. */
#define LOG_WRITER_END_NS SECONDS(2)
/* Connections to one of the gateway's own ports (status, administration, metrics); a further one closes the oldest, so that slow peers never
 * keep a probe out. */
#define LOCAL_SERVICE_CONNECTIONS_MAX 64
/* Content of a request to them: no endpoint takes more than a few words. */
#define LOCAL_SERVICE_BODY_BYTES_MAX (64 * 1024)
/* Answers that lie ready for peers who read slowly, of one such port together: past it a request gets 503 until some are gone. One scrape of 5,000
 * busy destinations is 10 MB. */
#define LOCAL_SERVICE_ANSWERS_BYTES_MAX (64L * 1024 * 1024)
/* The whole request, and its answer on the way to a peer that reads. */
#define LOCAL_SERVICE_REQUEST_NS SECONDS(5)
#define LOCAL_SERVICE_ANSWER_NS SECONDS(30)
/* What is read of one connection in one turn: more than the largest head and content together. */
#define LOCAL_SERVICE_READ_BYTES (16 * 1024)
#define LOCAL_SERVICE_READS_PER_TURN 16
/* How long a command waits for the answer of a running gateway. */
#define ADMIN_CLIENT_NS SECONDS(10)
/* How often a draining server looks whether connections are left, and a reloaded one whether old snapshots are free. */
#define SERVER_POLL_NS MILLISECONDS(20)
/* Addresses (bind address and port) that are listened on at a time: each takes a descriptor a worker. */
#define SERVER_LISTENERS_MAX 1024

/* --- Reload --- */
#define RELOAD_QUIET_NS MILLISECONDS(2)
#define RELOAD_DELAY_NS_MAX MILLISECONDS(50)

#endif
