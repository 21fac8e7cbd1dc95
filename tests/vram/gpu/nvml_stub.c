/* A stand-in for libnvidia-ml.so.1 with two GPUs; the environment says how it behaves.
 *
 * STUB_FAIL       "CALL=CODE" or "CALL=CODE@INDEX", blanks between: that call answers with that NVML code
 * STUB_MIG        "on": GPU 0 is in MIG mode with instances at places 0 and 2; "empty": without any
 * STUB_PROCESSES  "PID:BYTES" of those that compute on GPU 0, blanks between; BYTES "-" are hidden
 * STUB_DRAWS      the same for those that draw
 *
 * STUB_LOG        a file to which every init and shutdown is added as a word
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7 };

typedef struct { int gpu, slice; } Handle;
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned pid; unsigned long long used; unsigned gpu_instance, compute_instance; } Process;
typedef struct { unsigned gpu, memory; } Utilization;
typedef struct { unsigned version; int sensor, celsius; } Temperature;

static Handle gpus[2] = {{0, -1}, {1, -1}}, slices[3] = {{0, 0}, {0, 1}, {0, 2}};

static const char *setting(const char *name) { return getenv(name) ? getenv(name) : ""; }

static int failure(const char *call, int gpu)
{
    char entries[1000], name[100];
    snprintf(entries, sizeof entries, "%s", setting("STUB_FAIL"));
    for (char *entry = strtok(entries, " "); entry; entry = strtok(NULL, " ")) {
        int code = 0, only = -1;
        sscanf(entry, "%99[^=]=%d@%d", name, &code, &only);
        if (!strcmp(name, call) && (only < 0 || only == gpu))
            return code;
    }
    return SUCCESS;
}

#define ANSWER(gpu) do { int code = failure(__func__, gpu); if (code) return code; } while (0)

static int note(const char *word)
{
    FILE *log = fopen(setting("STUB_LOG"), "a");
    fprintf(log, "%s ", word);
    return fclose(log);
}

int nvmlInitWithFlags(unsigned flags) { ANSWER(-1); return note("init") | (int)flags; }
int nvmlShutdown(void) { return note("shutdown"); }
const char *nvmlErrorString(int code) { (void)code; return "a fault of a new kind"; }
int nvmlDeviceGetCount_v2(unsigned *count) { ANSWER(-1); *count = 2; return SUCCESS; }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, Handle **handle)
{
    ANSWER((int)index);
    *handle = &gpus[index];
    return SUCCESS;
}

int nvmlDeviceGetName(Handle *handle, char *name, unsigned length)
{
    snprintf(name, length, handle->slice < 0 ? "Card %d" : "Card %d MIG 3g.40gb", handle->gpu);
    return SUCCESS;
}

int nvmlDeviceGetUUID(Handle *handle, char *uuid, unsigned length)
{
    if (handle->slice < 0)
        snprintf(uuid, length, "GPU-%d000", handle->gpu);
    else
        snprintf(uuid, length, "MIG-%d000", handle->slice);
    return SUCCESS;
}

int nvmlDeviceGetMemoryInfo(Handle *handle, Memory *memory)
{
    ANSWER(handle->gpu);
    memory->total = (handle->slice < 0 ? 80ULL : 40ULL) << 30;
    memory->used = (unsigned long long)(1 + handle->gpu) << 29;
    memory->free = memory->total - memory->used;
    return SUCCESS;
}

int nvmlDeviceGetMigMode(Handle *handle, unsigned *now, unsigned *next)
{
    if (handle->gpu == 1)
        return NOT_SUPPORTED;
    *now = *next = *setting("STUB_MIG") != 0;
    return SUCCESS;
}

int nvmlDeviceGetMaxMigDeviceCount(Handle *handle, unsigned *count)
{
    (void)handle;
    *count = 3;
    return SUCCESS;
}

int nvmlDeviceGetMigDeviceHandleByIndex(Handle *handle, unsigned place, Handle **slice)
{
    (void)handle;
    *slice = &slices[place];
    return strcmp(setting("STUB_MIG"), "on") || place == 1 ? NOT_FOUND : SUCCESS;
}

static int processes(const char *name, Handle *handle, unsigned *room, Process *found)
{
    char entries[1000], used[30];
    unsigned count = 0;
    snprintf(entries, sizeof entries, "%s", handle->gpu ? "" : setting(name));
    for (char *entry = strtok(entries, " "); entry; entry = strtok(NULL, " "), count++)
        if (found && count < *room) {
            sscanf(entry, "%u:%29s", &found[count].pid, used);
            found[count].used = *used == '-' ? ~0ULL : strtoull(used, NULL, 10);
        }
    int small = count > *room;
    *room = count;
    return small ? INSUFFICIENT_SIZE : SUCCESS;
}

int nvmlDeviceGetComputeRunningProcesses_v3(Handle *handle, unsigned *count, Process *found)
{
    ANSWER(handle->gpu);
    return processes("STUB_PROCESSES", handle, count, found);
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(Handle *handle, unsigned *count, Process *found)
{
    ANSWER(handle->gpu);
    return processes("STUB_DRAWS", handle, count, found);
}

int nvmlDeviceGetUtilizationRates(Handle *handle, Utilization *rates)
{
    ANSWER(handle->gpu);
    rates->gpu = 37;
    return handle->slice < 0 ? SUCCESS : NOT_SUPPORTED;
}

int nvmlDeviceGetPowerUsage(Handle *handle, unsigned *milliwatts)
{
    ANSWER(handle->gpu);
    *milliwatts = 312500;
    return SUCCESS;
}

int nvmlDeviceGetTotalEnergyConsumption(Handle *handle, unsigned long long *millijoules)
{
    ANSWER(handle->gpu);
    *millijoules = 5000000500ULL;
    return SUCCESS;
}

int nvmlDeviceGetTemperatureV(Handle *handle, Temperature *temperature)
{
    ANSWER(handle->gpu);
    temperature->celsius = 61;
    return SUCCESS;
}

int nvmlDeviceGetTemperature(Handle *handle, int sensor, unsigned *celsius)
{
    ANSWER(handle->gpu);
    *celsius = 60 + sensor;
    return SUCCESS;
}

int nvmlDeviceGetTotalEccErrors(Handle *handle, int type, int counter, unsigned long long *count)
{
    ANSWER(handle->gpu);
    *count = type == 1 && counter == 0 ? 2 : 99; /* uncorrected, since the driver was loaded */
    return SUCCESS;
}
