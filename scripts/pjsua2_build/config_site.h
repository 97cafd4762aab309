/* Settings of pjproject for the plugin: what bounds one SIP process. */

#define PJSUA_MAX_CALLS             1024
#define PJSUA_MAX_ACC               64

/* A call takes a slot of the conference, and a call that ends keeps its own a little longer. */
#define PJSUA_MAX_CONF_PORTS        4096

/* SIP over TCP and TLS: a socket each. */
#define PJ_IOQUEUE_MAX_HANDLES      4096

/* Sizes of hash tables: powers of two, less one. */
#define PJSIP_MAX_TSX_COUNT         16383
#define PJSIP_MAX_DIALOG_COUNT      4095

/* A burst of INVITEs waits in the socket while Python works. */
#define PJSIP_UDP_SO_RCVBUF_SIZE    4194304
#define PJSIP_UDP_SO_SNDBUF_SIZE    4194304

/* Messages with many headers; descriptions that the Python binding would show as empty (1024). */
#define PJSIP_MAX_PKT_LEN           8000
#define PJSUA2_MAX_SDP_BUF_LEN      8000

/* Accounts whose calls go over IPv6. */
#define PJ_HAS_IPV6                 1
