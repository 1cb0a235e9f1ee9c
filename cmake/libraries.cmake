# The libraries that are not ours, each tied to the one folder that may include it (scripts/check-floors holds the same
# table for the #include lines). system_libraries_<folder> is linked to that folder's library only.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

# AWS-LC: one that is installed, else the one that scripts/build-aws-lc made.
# Its ssl package looks for its crypto package by itself, so a search path serves and a hint does not.
if(NOT AWS_LC_ROOT)
    set(AWS_LC_ROOT "$ENV{AWS_LC_ROOT}")
endif()
list(PREPEND CMAKE_PREFIX_PATH ${AWS_LC_ROOT} "${CMAKE_SOURCE_DIR}/build/deps/aws-lc-install")
find_package(ssl CONFIG QUIET)
if(NOT TARGET AWS::ssl)
    message(FATAL_ERROR "No AWS-LC: run scripts/build-aws-lc (make does), or set AWS_LC_ROOT to an installed one.")
endif()
set(system_libraries_tls AWS::ssl AWS::crypto)

pkg_check_modules(yaml REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(jansson REQUIRED IMPORTED_TARGET jansson)
set(system_libraries_text PkgConfig::yaml PkgConfig::jansson)

pkg_check_modules(cares REQUIRED IMPORTED_TARGET libcares)
set(system_libraries_dns PkgConfig::cares)

pkg_check_modules(re2 REQUIRED IMPORTED_TARGET re2)
set(system_libraries_regex PkgConfig::re2)

pkg_check_modules(nghttp2 REQUIRED IMPORTED_TARGET libnghttp2)
set(system_libraries_http PkgConfig::nghttp2)

pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka)
