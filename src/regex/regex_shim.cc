#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

extern "C" {
#include "regex/regex_shim.h"
}

using re2::RE2;

/* RE2 throws nothing; exhausted memory ends the process here (std::terminate) as everywhere in the house. */
extern "C" void *regex_shim_create(const char *pattern, size_t pattern_size, long memory_bytes_max, char *ret_error,
                                   size_t error_size) {
    RE2::Options options(RE2::Quiet);
    options.set_max_mem(memory_bytes_max);
    RE2 *program = new RE2(re2::StringPiece(pattern, pattern_size), options);
    if (program->ok())
        return program;
    if (ret_error != nullptr)
        std::snprintf(ret_error, error_size, "%s", program->error().c_str());
    delete program;
    return nullptr;
}

extern "C" void regex_shim_destroy(void *program) {
    delete static_cast<RE2 *>(program);
}

extern "C" bool regex_shim_full_match(const void *program, const char *text, size_t text_size) {
    return RE2::FullMatch(re2::StringPiece(text, text_size), *static_cast<const RE2 *>(program));
}

extern "C" void regex_shim_replace_all(const void *program, const char *text, size_t text_size, const char *substitution,
                                       size_t substitution_size, void *user,
                                       void (*take)(void *user, const char *text, size_t text_size)) {
    std::string result(text, text_size);
    RE2::GlobalReplace(&result, *static_cast<const RE2 *>(program), re2::StringPiece(substitution, substitution_size));
    take(user, result.data(), result.size());
}

extern "C" bool regex_shim_substitution_is_valid(const void *program, const char *substitution, size_t substitution_size) {
    std::string error;
    return static_cast<const RE2 *>(program)->CheckRewriteString(re2::StringPiece(substitution, substitution_size), &error);
}

extern "C" void *regex_shim_set_create(const char *const *patterns, const size_t *sizes, size_t count, long memory_bytes_max) {
    RE2::Options options(RE2::Quiet);
    options.set_max_mem(memory_bytes_max);
    RE2::Set *set = new RE2::Set(options, RE2::ANCHOR_BOTH);
    bool usable = true;
    for (size_t i = 0; i < count && usable; i++)
        usable = set->Add(re2::StringPiece(patterns[i], sizes[i]), nullptr) == static_cast<int>(i);
    if (usable && set->Compile())
        return set;
    delete set;
    return nullptr;
}

extern "C" void regex_shim_set_destroy(void *set) {
    delete static_cast<RE2::Set *>(set);
}

/* The vector keeps its room: no allocation a call. */
extern "C" bool regex_shim_set_match(const void *set, const char *text, size_t text_size, const int **ret_numbers, size_t *ret_count) {
    static thread_local std::vector<int> numbers;
    RE2::Set::ErrorInfo fault;
    bool matched = static_cast<const RE2::Set *>(set)->Match(re2::StringPiece(text, text_size), &numbers, &fault);
    if (!matched && fault.kind != RE2::Set::kNoError)
        return false;
    std::sort(numbers.begin(), numbers.end());
    *ret_numbers = numbers.data();
    *ret_count = matched ? numbers.size() : 0;
    return true;
}
