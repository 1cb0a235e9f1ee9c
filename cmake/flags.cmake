# Every flag of the compiler and the linker, in one place.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# Asserts stay on in release, so NDEBUG is never defined.
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-O0 -g")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g")
set(CMAKE_C_FLAGS_SANITIZER "-O1 -g -fno-omit-frame-pointer")
set(CMAKE_CXX_FLAGS_SANITIZER "-O1 -g -fno-omit-frame-pointer")

set(warnings -Wall -Wextra -Werror -Wshadow -Wpointer-arith -Wvla -Wundef -Wformat=2 -Wwrite-strings -Wcast-qual
    -Wimplicit-fallthrough)
add_compile_options(${warnings} "$<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes;-Wmissing-prototypes>")

# -iquote, never -I: an #include <...> must not find our files, nor "..." theirs.
add_compile_options("SHELL:-iquote ${CMAKE_SOURCE_DIR}/src" "-fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=")
add_compile_options(-fstack-protector-strong)
add_compile_definitions(_GNU_SOURCE "$<$<CONFIG:Release>:_FORTIFY_SOURCE=2>")

if(FAIRLEAD_SANITIZE)
    add_compile_options(-fsanitize=${FAIRLEAD_SANITIZE} -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${FAIRLEAD_SANITIZE})
    if(FAIRLEAD_FUZZ)
        add_compile_options(-fsanitize=fuzzer-no-link)
    endif()
else()
    add_link_options(-Wl,-z,relro,-z,now)
endif()
include(CheckPIESupported)
check_pie_supported()

# Sections let the linker drop what the program does not use of the static libraries.
add_compile_options(-ffunction-sections -fdata-sections)
add_link_options(-Wl,--gc-sections)

# Fat objects: the program is linked from the LTO half, the many unit tests from the plain half, which links in no time.
set(fairlead_lto OFF)
if(FAIRLEAD_LTO AND CMAKE_BUILD_TYPE STREQUAL "Release" AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
    set(fairlead_lto ON)
    set(CMAKE_AR "${CMAKE_C_COMPILER_AR}")
    set(CMAKE_RANLIB "${CMAKE_C_COMPILER_RANLIB}")
endif()
