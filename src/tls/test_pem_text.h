/* For tests outside of tls, which may not call the library: two throw-away pairs for a.com, good until 2120. They are used nowhere else. */
#ifndef FAIRLEAD_TLS_TEST_PEM_TEXT_H
#define FAIRLEAD_TLS_TEST_PEM_TEXT_H

#define CHAIN_ONE \
    "-----BEGIN CERTIFICATE-----\n" \
    "MIIBHzCBx6ADAgECAgEBMAoGCCqGSM49BAMCMA4xDDAKBgNVBAMMA29uZTAgFw0y\n" \
    "MDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowDjEMMAoGA1UEAwwDb25lMFkw\n" \
    "EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEo0u2e6WPtWWU3u3KU4JJ2LgX7xlxDnLu\n" \
    "vhj2opnxOKa/1+bXA2WcLlgacp60jl8NG6/XrhvoFsD0Q4nuuDoK9aMUMBIwEAYD\n" \
    "VR0RBAkwB4IFYS5jb20wCgYIKoZIzj0EAwIDRwAwRAIgOX/w8k6t34ybkH4WnNZx\n" \
    "iTcOgPHtmcbvR6+eujOoHwACIGfYanK3u8zUgOk61QKUc4yeNOlKjvSzXZkSv/Hs\n" \
    "W0tz\n" \
    "-----END CERTIFICATE-----\n"
#define KEY_ONE \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgD5GkWATVDOCmnqiW\n" \
    "2+6sXHoScGq48GbGhnN93o6mCP+hRANCAASjS7Z7pY+1ZZTe7cpTgknYuBfvGXEO\n" \
    "cu6+GPaimfE4pr/X5tcDZZwuWBpynrSOXw0br9euG+gWwPRDie64Ogr1\n" \
    "-----END PRIVATE KEY-----\n"

#define CHAIN_TWO \
    "-----BEGIN CERTIFICATE-----\n" \
    "MIIBIDCBx6ADAgECAgEBMAoGCCqGSM49BAMCMA4xDDAKBgNVBAMMA3R3bzAgFw0y\n" \
    "MDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowDjEMMAoGA1UEAwwDdHdvMFkw\n" \
    "EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEXBL32Sfqtewns5tBPfvVJSCDA1QiWE5i\n" \
    "QNQIH/gh8BEYW+5+tSSKMZcBNo79OlOUMB0RRFrgilwzWXjiVg3bl6MUMBIwEAYD\n" \
    "VR0RBAkwB4IFYS5jb20wCgYIKoZIzj0EAwIDSAAwRQIhAIAB33qBV6+AjgB7XHSj\n" \
    "mMVD/nPEATTtOhRsJ3D3fA5OAiBUB84jkur2S6InWONUF71Xwwzks8GSOxkSdBa3\n" \
    "1xQIEQ==\n" \
    "-----END CERTIFICATE-----\n"
#define KEY_TWO \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgB4ZsU4DNoSWXnCCz\n" \
    "iN7MQNoYShi3dRyhT6ZQSG8j30OhRANCAARcEvfZJ+q17Cezm0E9+9UlIIMDVCJY\n" \
    "TmJA1Agf+CHwERhb7n61JIoxlwE2jv06U5QwHRFEWuCKXDNZeOJWDduX\n" \
    "-----END PRIVATE KEY-----\n"

#endif
