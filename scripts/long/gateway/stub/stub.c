/* An engine without a model, for benchmarks: `stub FIRST_MS GAP_MS` on a free port of 127.0.0.1, which it prints.

It answers /v1/chat/completions in vLLM 0.32's shape with 64 tokens, whole and as a stream, from bytes made at
the first request of their kind: what a gateway in front of it costs is all that is left to measure. One thread.

A request says by words anywhere in its body what it gets:
    "large"     in its `model`: the text is the large model's, else the small one's
    hard        the small model is unsure: logprobs of -3 nats in place of -0.1
    paced       a stream's first token comes after FIRST_MS, each other one GAP_MS later
    held        no answer at all, until the client leaves */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "answers.h"

enum { BODY = 16384, FDS = 65536, EVENTS = 512 };

typedef struct {
    int fd, paced_at; /* its place in `paced`, -1 where it has none */
    const Answer *answer;
    size_t sent, allowed; /* bytes of the answer */
    int token;
    long long due_us;
    size_t got;
    char in[BODY];
} Conn;

static Conn *conns[FDS], *paced[FDS];
static int paced_count, poller, held;
static long long first_us, gap_us, asked[2];

static const Answer *other(const char *in) { /* small enough for one write, so one buffer serves all */
    static Answer a;
    static const char models[] = "{\"object\":\"list\",\"data\":[{\"id\":\"small\",\"object\":\"model\"},"
                                 "{\"id\":\"large\",\"object\":\"model\"}]}";
    char counts[200];
    if (!strncmp(in, "GET /v1/models ", 15)) plain(&a, "200 OK", "application/json", models, sizeof models - 1);
    else if (!strncmp(in, "GET /health ", 12)) plain(&a, "200 OK", "text/plain", "", 0);
    else if (!strncmp(in, "GET /version ", 13)) plain(&a, "200 OK", "application/json", "{\"version\":\"stub\"}", 18);
    else if (!strncmp(in, "GET /metrics ", 13)) {
        int len = snprintf(counts, sizeof counts, "stub_asked{model=\"small\"} %lld\nstub_asked{model=\"large\"} %lld\n"
                           "stub_held %d\n", asked[0], asked[1], held);
        plain(&a, "200 OK", "text/plain", counts, (size_t)len);
    } else plain(&a, "404 Not Found", "application/json", "{\"error\":{\"message\":\"not here\"}}", 32);
    return &a;
}

static long long now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void unpace(Conn *c) {
    if (c->paced_at < 0) return;
    paced[c->paced_at] = paced[--paced_count];
    paced[c->paced_at]->paced_at = c->paced_at;
    c->paced_at = -1;
}

static void leave(Conn *c) {
    unpace(c);
    held -= c->answer == NULL && c->sent; /* `sent` marks who is held */
    conns[c->fd] = NULL;
    close(c->fd);
    free(c);
}

static void watch(Conn *c, unsigned events) {
    struct epoll_event wanted = {.events = events, .data.fd = c->fd};
    epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &wanted);
}

/* Send what is allowed; 0 where the client is gone. */
static int flush_answer(Conn *c) {
    while (c->answer && c->sent < c->allowed) {
        ssize_t n = send(c->fd, c->answer->bytes + c->sent, c->allowed - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) return watch(c, EPOLLIN | EPOLLOUT), 1;
        if (n < 0) return 0;
        c->sent += (size_t)n;
    }
    if (c->answer && c->sent == c->answer->len) c->answer = NULL, c->sent = 0;
    return 1;
}

static void start(Conn *c, const char *body, int completes) {
    int large = 0, slow = completes && is_stream(body) && strstr(body, "paced");
    c->answer = completes ? completion(body, &large) : other(c->in);
    c->sent = 0;
    c->allowed = slow ? 0 : c->answer->len;
    asked[large] += completes;
    if (completes && strstr(body, "held")) c->answer = NULL, c->sent = 1, held++;
    else if (slow) {
        c->token = 0;
        c->due_us = now_us() + first_us;
        c->paced_at = paced_count;
        paced[paced_count++] = c;
    }
}

/* Answer the request at the front of the input, if it is whole; 0 where the connection cannot go on. */
static int take(Conn *c) {
    c->in[c->got] = 0;
    char *body = strstr(c->in, "\r\n\r\n");
    if (!body) return c->got < BODY - 1;
    char *length = strcasestr(c->in, "\ncontent-length:");
    size_t size = length && length < body ? strtoul(length + 16, NULL, 10) : 0;
    body += 4;
    size_t whole_len = (size_t)(body - c->in) + size;
    if (whole_len > BODY - 1) return 0;
    if (c->got < whole_len) return 1;
    char after = c->in[whole_len];
    c->in[whole_len] = 0;
    start(c, body, !strncmp(c->in, "POST /v1/chat/completions ", 26));
    c->in[whole_len] = after;
    memmove(c->in, c->in + whole_len, c->got -= whole_len);
    return flush_answer(c);
}

static int readable(Conn *c) {
    ssize_t n = recv(c->fd, c->in + c->got, BODY - 1 - c->got, 0);
    if (n <= 0) return n < 0 && errno == EAGAIN;
    c->got += (size_t)n;
    return c->answer || c->sent ? c->got < BODY - 1 : take(c);
}

static int writable(Conn *c) {
    watch(c, EPOLLIN);
    return flush_answer(c);
}

static void arrive(int listener) {
    int fd, yes = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        Conn *c = fd < FDS ? calloc(1, sizeof *c) : NULL;
        if (!c) { close(fd); continue; }
        c->fd = fd, c->paced_at = -1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        struct epoll_event wanted = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &wanted);
        conns[fd] = c;
    }
}

/* Let out the tokens that are due; milliseconds until the next one, -1 for none. */
static int pace(void) {
    long long now = now_us(), next = -1;
    for (int i = paced_count - 1; i >= 0; i--) {
        Conn *c = paced[i];
        while (c->due_us <= now && c->token <= TOKENS) c->allowed = c->answer->ends[c->token++], c->due_us += gap_us;
        if (c->token > TOKENS) unpace(c);
        else if (next < 0 || c->due_us < next) next = c->due_us;
        if (!flush_answer(c)) leave(c);
    }
    return next < 0 ? -1 : (int)((next - now + 999) / 1000);
}

static int open_port(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(fd, (struct sockaddr *)&at, len) || listen(fd, 4096) || getsockname(fd, (struct sockaddr *)&at, &len)) {
        perror("stub");
        exit(1);
    }
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv) {
    if (argc != 3) return fprintf(stderr, "usage: stub FIRST_MS GAP_MS\n"), 2;
    first_us = atoll(argv[1]) * 1000, gap_us = atoll(argv[2]) * 1000;
    poller = epoll_create1(0);
    int listener = open_port();
    struct epoll_event found[EVENTS], wanted = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &wanted);
    for (;;) {
        int count = epoll_wait(poller, found, EVENTS, pace());
        for (int i = 0; i < count; i++) {
            Conn *c = conns[found[i].data.fd];
            if (found[i].data.fd == listener) arrive(listener);
            else if (c && (found[i].events & EPOLLOUT) && !writable(c)) leave(c);
            else if (c && (found[i].events & ~EPOLLOUT) && !readable(c)) leave(c);
        }
    }
}
