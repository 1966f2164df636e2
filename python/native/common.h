int zd_call(zd_port *port, const char *data, uint64_t size, uint64_t capacity, uint32_t opcode);
int zd_take_next(zd_port *port);
int zd_serve(zd_port *port, uint64_t window_ns);
