/* The steps of an ordinary round trip, each as a whole or, where anything is out of the ordinary, not at all. */

/* Claims room for a request while nothing is in flight and no claim is open, copies the data in and publishes it. Nobody has the ring's lock.
 * 1: done; 0: nothing done. The rules are those of ClientRing.reserve. */
int zd_call(zd_port *port, const char *data, uint64_t size, uint64_t capacity, uint32_t opcode) {
    uint64_t payload = port->size;
    if (port->claimed != 0 || size > capacity || capacity > payload || capacity > ZD_MAX_FRAME_DATA) return 0;
    capacity = (capacity + ZD_BLOCK_ALIGNMENT - 1) & ~(uint64_t)(ZD_BLOCK_ALIGNMENT - 1);
    uint64_t total = ZD_FRAME_HEADER_V2_SIZE + capacity;
    if (total > payload) return 0;
    uint64_t head = port->head, position = head % payload, room = payload - position;
    if (position != 0 && (port->eager || total > room)) { /* the unmarked lap: the server tells it by a distance above the payload */
        head += room + total <= payload ? room + payload : room;
        position = 0;
    }
    memcpy((char *)port->payload + position + ZD_FRAME_HEADER_V2_SIZE, data, size);
    port->head = head + total;
    port->claimed = total;
    zd_publish(port, -1, position, size, ++port->last, capacity, opcode, 0, port->head, payload - total);
    return 1;
}

/* Waits for the next request and takes it. Nobody else takes any: a server with one worker needs no lock here. 1: it is in the taken_ words;
 * 0: there is something to look at that is not as usual; -1: nothing came within the window. */
int zd_serve(zd_port *port, uint64_t window_ns) {
    if (zd_take_next(port)) return 1;
    if (!zd_spin_for_request(port, port->passed, window_ns)) return -1;
    return zd_take_next(port);
}
