/* The server's round trip, for an only worker that serves without the server's lock: nobody else touches the ring. */

static PyObject *serve(PyObject *unused, PyObject *const *args, Py_ssize_t count) {
    (void)unused;
    if (count != 5) return PyErr_Format(PyExc_TypeError, "serve takes 5 arguments, not %zd", count);
    zd_port *port = PyLong_AsVoidPtr(args[0]);
    uint64_t window_ns = PyLong_AsUnsignedLongLong(args[4]);
    if (PyErr_Occurred()) return NULL;
    zd_loan *frame = allocate(args[2]); /* first: nothing can fail once the request is taken */
    if (frame == NULL) return NULL;
    int found = zd_take_next(port);
    if (found != 1) {
        Py_BEGIN_ALLOW_THREADS found = zd_serve(port, window_ns);
        Py_END_ALLOW_THREADS
    }
    if (found != 1) {
        Py_DECREF(frame);
        return PyLong_FromLong(found);
    }
    uint64_t position = port->taken_position;
    int one_way = (port->taken_flags & ZD_FRAME_FLAGS_ONE_WAY) != 0;
    frame->live = 1;
    frame->payload = Py_NewRef(args[3]);
    frame->start = (Py_ssize_t)(position + ZD_FRAME_HEADER_V2_SIZE);
    frame->size = (Py_ssize_t)port->taken_size;
    frame->sequence = port->taken_sequence;
    frame->capacity = port->taken_capacity;
    frame->opcode = port->taken_opcode;
    frame->one_way = (char)one_way;
    port->serving = 1;
    PyObject *result = PyObject_CallFunctionObjArgs(args[1], (PyObject *)frame, NULL);
    if (result != NULL) {
        Py_DECREF(result);
        frame->live = 0;
        if (loan_end_view(frame)) {
            if (one_way) zd_finish(port, position);
            else zd_answer(port, position, (uint64_t)frame->size, ZD_FRAME_STATUS_OK, ZD_FRAME_STATE_RESPONSE);
            port->serving = 0;
            Py_DECREF(frame);
            return PyLong_FromLong(found);
        }
        result = Py_NewRef(Py_None);
    } else {
        PyObject *type, *trace;
        PyErr_Fetch(&type, &result, &trace);
        PyErr_NormalizeException(&type, &result, &trace);
        if (trace != NULL) PyException_SetTraceback(result, trace);
        Py_XDECREF(type);
        Py_XDECREF(trace);
    }
    PyObject *both = PyTuple_Pack(2, (PyObject *)frame, result);
    Py_DECREF(result);
    Py_DECREF(frame);
    return both;
}
