/* The grammar of `auth` in a connector file. */
#include "net/connector_spec.h"

#define HOUR_MS ((int64_t)60 * 60 * 1000)

#define LOGIN(m) .offset = offsetof(struct login_spec, m)
static const struct field login_fields[] = {
    {"method", FIELD_CHOICE, LOGIN(method), .choices = connector_methods, .def = "POST",
     .help = "HTTP method"},
    {"path", FIELD_STRING, LOGIN(path), .flags = FIELD_REQUIRED | FIELD_LATE,
     .help = "path behind base_url"},
    {"query", FIELD_STRING_MAP, LOGIN(query), .flags = FIELD_LATE, .help = "query parameters"},
    {"headers", FIELD_STRING_MAP, LOGIN(headers), .flags = FIELD_LATE,
     .help = "headers, besides those of every request"},
    {"body", FIELD_NODE, LOGIN(body), .flags = FIELD_LATE,
     .help = "JSON body, written as YAML; ${raw:...} as a whole stands without quotes"},
    {"form", FIELD_STRING_MAP, LOGIN(form), .flags = FIELD_LATE,
     .help = "form body (application/x-www-form-urlencoded), in place of body"},
    {"ok", FIELD_OBJECT_PTR, LOGIN(ok), .sub = &connector_when_set,
     .help = "what the answer is like when it succeeded, instead of the connector's rules"},
    {"message_from", FIELD_STRINGS, LOGIN(message_from),
     .help = "JSON pointers to why it was refused, joined for the message"},
    {"take", FIELD_STRING_MAP, LOGIN(take),
     .help = "names for values of the answer: a JSON pointer, header:NAME or cookie:NAME"},
    {"expires_from", FIELD_STRING, LOGIN(expires_from),
     .help = "JSON pointer to the session's life in seconds; without it a 401 renews"},
    {"keep_cookies", FIELD_BOOL, LOGIN(keep_cookies), .def = "false",
     .help = "every cookie that the answer sets is sent with later requests"},
    {"sign", FIELD_OBJECT_PTR, LOGIN(sign), .sub = &sign_set, .help = "how the login is signed"},
    {0},
};
static const struct field_set login_set = {
    .name = "login",
    .help = "The request that begins a session; texts may hold names of values and secrets",
    .struct_size = sizeof(struct login_spec),
    .fields = login_fields,
};
static const struct field logout_fields[] = {
    {"method", FIELD_CHOICE, LOGIN(method), .choices = connector_methods, .def = "POST",
     .help = "HTTP method"},
    {"path", FIELD_STRING, LOGIN(path), .flags = FIELD_REQUIRED | FIELD_LATE,
     .help = "path behind base_url"},
    {"query", FIELD_STRING_MAP, LOGIN(query), .flags = FIELD_LATE, .help = "query parameters"},
    {"headers", FIELD_STRING_MAP, LOGIN(headers), .flags = FIELD_LATE,
     .help = "headers, besides those of every request"},
    {"body", FIELD_NODE, LOGIN(body), .flags = FIELD_LATE, .help = "JSON body, written as YAML"},
    {"form", FIELD_STRING_MAP, LOGIN(form), .flags = FIELD_LATE,
     .help = "form body, in place of body"},
    {0},
};
static const struct field_set logout_set = {
    .name = "logout",
    .help = "The request that ends a session, sent once when the program ends",
    .struct_size = sizeof(struct login_spec),
    .fields = logout_fields,
};

#define SEND(m) .offset = offsetof(struct send_spec, m)
static const struct field send_fields[] = {
    {"headers", FIELD_STRING_MAP, SEND(headers), .flags = FIELD_LATE, .help = "headers"},
    {"query", FIELD_STRING_MAP, SEND(query), .flags = FIELD_LATE, .help = "query parameters"},
    {"cookies", FIELD_STRING_MAP, SEND(cookies), .flags = FIELD_LATE, .help = "cookies"},
    {0},
};
static const struct field_set send_set = {
    .name = "send",
    .help = "What each request of a session carries",
    .struct_size = sizeof(struct send_spec),
    .fields = send_fields,
};

#define AUTH(m) .offset = offsetof(struct auth_spec, m)
static const char *const auth_types[] = {"none",    "bearer", "basic", "key", "jwt_login",
                                         "session", "oauth2", "jwt",   NULL};
static const char *const auth_credentials[] = {"header", "body", NULL};
static const char *const auth_algorithms[] = {"HS256", "RS256", NULL};
static const char *const auth_places[] = {"header", "query", NULL};
static const struct field auth_fields[] = {
    {"type", FIELD_CHOICE, AUTH(type), .choices = auth_types, .def = "none",
     .help = "how requests show who sends them"},
    {"token", FIELD_STRING, AUTH(token), .flags = FIELD_SECRET,
     .help = "bearer: the token, or where it is kept: env:NAME, file:PATH, cmd:COMMAND"},
    {"user", FIELD_STRING, AUTH(user), .help = "basic, jwt_login: the account"},
    {"password", FIELD_STRING, AUTH(password), .flags = FIELD_SECRET,
     .help = "basic, jwt_login: its password, or where it is kept"},
    {"name", FIELD_STRING, AUTH(name), .help = "key: name of the header or query parameter"},
    {"value", FIELD_STRING, AUTH(value), .flags = FIELD_SECRET,
     .help = "key: its value, or where it is kept"},
    {"in", FIELD_CHOICE, AUTH(in), .choices = auth_places, .def = "header",
     .help = "key: where it is sent"},
    {"path", FIELD_STRING, AUTH(path), .help = "jwt_login: path that answers a POST with a token"},
    {"user_key", FIELD_STRING, AUTH(user_key), .def = "username",
     .help = "jwt_login: key of the account in the body"},
    {"password_key", FIELD_STRING, AUTH(password_key), .def = "password",
     .help = "jwt_login: key of the password in the body"},
    {"token_from", FIELD_STRING, AUTH(token_from), .def = "/access_token",
     .help = "jwt_login, oauth2: JSON pointer to the token in the answer"},
    {"expires_from", FIELD_STRING, AUTH(expires_from),
     .help = "jwt_login: JSON pointer to its life in seconds; without it a 401 renews (oauth2: "
             "/expires_in)"},
    {"margin", FIELD_DURATION, AUTH(margin_ms), .def = "30s", .min = 0, .max = HOUR_MS,
     .help = "renewed this long before its end"},
    {"login", FIELD_OBJECT_PTR, AUTH(login), .sub = &login_set,
     .help = "session: the request that begins it"},
    {"send", FIELD_OBJECT_PTR, AUTH(send), .sub = &send_set,
     .help = "session: what each request carries"},
    {"logout", FIELD_OBJECT_PTR, AUTH(logout), .sub = &logout_set,
     .help = "session: the request that ends it"},
    {"token_url", FIELD_STRING, AUTH(token_url),
     .help = "oauth2: path behind base_url, or a URL at its host, that gives tokens"},
    {"client_id", FIELD_STRING, AUTH(client_id), .help = "oauth2: the client"},
    {"client_secret", FIELD_STRING, AUTH(client_secret), .flags = FIELD_SECRET,
     .help = "oauth2: its secret, or where it is kept"},
    {"credentials", FIELD_CHOICE, AUTH(credentials), .choices = auth_credentials, .def = "header",
     .help = "oauth2: sent as basic authentication, or in the body"},
    {"scope", FIELD_STRING, AUTH(scope), .help = "oauth2: what is asked for"},
    {"refresh_from", FIELD_STRING, AUTH(refresh_from), .def = "/refresh_token",
     .help = "oauth2: JSON pointer to a token that renews, used when there is one"},
    {"extra", FIELD_STRING_MAP, AUTH(extra),
     .help = "oauth2: further parameters of the request, such as audience"},
    {"algorithm", FIELD_CHOICE, AUTH(algorithm), .choices = auth_algorithms, .def = "HS256",
     .help = "jwt: how it is signed"},
    {"key", FIELD_STRING, AUTH(key), .flags = FIELD_SECRET,
     .help = "jwt: the secret (HS256) or private key (RS256, PEM), or where it is kept"},
    {"key_id", FIELD_STRING, AUTH(key_id), .help = "jwt: kid in its header"},
    {"claims", FIELD_NODE, AUTH(claims), .flags = FIELD_LATE,
     .help = "jwt: its claims, written as YAML; iat and exp are added"},
    {"lifetime", FIELD_DURATION, AUTH(lifetime_ms), .def = "5m", .min = 1000, .max = 24 * HOUR_MS,
     .help = "jwt: from iat to exp"},
    {0},
};
const struct field_set connector_auth_set = {
    .name = "auth",
    .help = "How requests show who sends them; only ever sent to the host of base_url",
    .struct_size = sizeof(struct auth_spec),
    .fields = auth_fields,
    .scalar = "type",
};
