/* Answers in the shape of vLLM 0.32, from bytes made at the first request of their kind. */
#include "answers.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NONE = 21 }; /* more alternatives than vLLM gives: no logprobs are asked for */

static Answer answers[2][2][2][2][NONE + 1]; /* large, unsure, stream, usage, alternatives */

static void say(Answer *a, const char *format, ...) {
    va_list args;
    if (a->room - a->len < 4096) {
        a->room = 2 * a->room + 65536;
        a->bytes = realloc(a->bytes, a->room);
        if (!a->bytes) abort();
    }
    va_start(args, format);
    a->len += (size_t)vsnprintf(a->bytes + a->len, a->room - a->len, format, args);
    va_end(args);
}

static void one_logprob(Answer *a, const char *word, int at, int top, double logprob) {
    char token[16];
    int len = snprintf(token, sizeof token, " %s%02d", word, (at + top) % 100);
    say(a, "\"token\":\"%s\",\"logprob\":%.9f,\"bytes\":[", token, logprob - 2 * top);
    for (int i = 0; i < len; i++) say(a, i ? ",%d" : "%d", token[i]);
    say(a, "]");
}

static void logprobs(Answer *a, const char *word, int at, int tops, double logprob) {
    say(a, "{");
    one_logprob(a, word, at, 0, logprob);
    say(a, ",\"top_logprobs\":[");
    for (int top = 0; top < (tops ? tops : 1); top++) { /* vLLM sends the token itself where none was asked for */
        say(a, top ? ",{" : "{");
        one_logprob(a, word, at, top, logprob);
        say(a, "}");
    }
    say(a, "]}");
}

static const char USAGE[] = "{\"prompt_tokens\":64,\"total_tokens\":128,\"completion_tokens\":64,"
                            "\"prompt_tokens_details\":null}";

static void whole(Answer *body, const char *word, int tops, double logprob) {
    say(body, "{\"id\":\"chatcmpl-stub\",\"object\":\"chat.completion\",\"created\":1760000000,\"model\":\"%s\","
              "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"", word);
    for (int at = 0; at < TOKENS; at++) say(body, " %s%02d", word, at);
    say(body, "\",\"refusal\":null,\"annotations\":null,\"audio\":null,\"function_call\":null,\"tool_calls\":[],"
              "\"reasoning\":null},\"logprobs\":");
    say(body, tops < NONE ? "{\"content\":[" : "null");
    for (int at = 0; tops < NONE && at < TOKENS; at++) {
        if (at) say(body, ",");
        logprobs(body, word, at, tops, logprob);
    }
    say(body, "%s,\"finish_reason\":\"stop\",\"stop_reason\":null}],\"usage\":%s}", tops < NONE ? "]}" : "", USAGE);
}

static void event(Answer *a, Answer *scratch) { /* one server-sent event as one chunk of HTTP */
    say(a, "%zx\r\n", scratch->len + 8);
    say(a, "data: ");
    for (size_t done = 0; done < scratch->len; done += 2048) say(a, "%.2048s", scratch->bytes + done);
    say(a, "\n\n\r\n");
    scratch->len = 0;
}

static void head(Answer *s, const char *word) {
    say(s, "{\"id\":\"chatcmpl-stub\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\"model\":\"%s\","
           "\"choices\":[", word);
}

static void stream(Answer *a, const char *word, int tops, double logprob, int usage) {
    Answer s = {0};
    say(a, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n");
    head(&s, word);
    say(&s, "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,"
            "\"finish_reason\":null}]}");
    event(a, &s);
    for (int at = 0; at < TOKENS; at++) {
        head(&s, word);
        say(&s, "{\"index\":0,\"delta\":{\"content\":\" %s%02d\"},\"logprobs\":%s", word, at,
            tops < NONE ? "{\"content\":[" : "null");
        if (tops < NONE) logprobs(&s, word, at, tops, logprob);
        say(&s, "%s,\"finish_reason\":null}]}", tops < NONE ? "]}" : "");
        event(a, &s);
        a->ends[at] = a->len;
    }
    head(&s, word);
    say(&s, "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\",\"stop_reason\":null}]}");
    event(a, &s);
    if (usage) {
        head(&s, word);
        say(&s, "],\"usage\":%s}", USAGE);
        event(a, &s);
    }
    say(&s, "[DONE]");
    event(a, &s);
    say(a, "0\r\n\r\n");
    a->ends[TOKENS] = a->len;
    free(s.bytes);
}

void plain(Answer *a, const char *status, const char *type, const char *body, size_t len) {
    a->len = 0;
    say(a, "HTTP/1.1 %s\r\ncontent-type: %s\r\ncontent-length: %zu\r\n\r\n", status, type, len);
    for (size_t done = 0; done < len; done += 2048) say(a, "%.2048s", body + done);
}

/* The value of a key at the top of the body, up to the next comma; "" where it is not there. */
static const char *value(const char *body, const char *key) {
    const char *found = strstr(body, key);
    if (!found) return "";
    found += strlen(key);
    return found + strspn(found, ": \t\r\n");
}

int is_stream(const char *body) {
    return !strncmp(value(body, "\"stream\""), "true", 4);
}

static void make(Answer *a, const char *word, int tops, double logprob, int streams, int usage) {
    Answer body = {0};
    if (streams) {
        stream(a, word, tops, logprob, usage);
        return;
    }
    whole(&body, word, tops, logprob);
    plain(a, "200 OK", "application/json", body.bytes, body.len);
    free(body.bytes);
}

const Answer *completion(const char *body, int *large) {
    const char *tops = value(body, "\"top_logprobs\"");
    int streams = is_stream(body), usage = !strncmp(value(body, "\"include_usage\""), "true", 4);
    int wanted = !strncmp(value(body, "\"logprobs\""), "true", 4) ? atoi(tops) : NONE;
    *large = !strncmp(value(body, "\"model\""), "\"large", 6);
    int unsure = !*large && strstr(body, "hard");
    if (wanted < 0 || wanted > NONE) wanted = 0;
    Answer *a = &answers[*large][unsure][streams][usage][wanted];
    if (!a->len) make(a, *large ? "large" : "small", wanted, unsure ? -3.0 : -0.1, streams, usage);
    return a;
}
