/* Of an in-place client the two operations that make an ordinary round trip: a call while nothing is in flight, and the release of what
 * answered it. Anything out of the ordinary is Python's, from the beginning or from where it shows. */

/* How much is copied while the interpreter waits. */
enum { MOST_AT_ONCE = 1 << 16 };
/* Looks for an answer before the interpreter lock is let go of, which takes longer than a quick peer's answer: about a microsecond. */
enum { FIRST_LOOKS = 32 };

/* Publishes a request and puts its record into the list. NULL without an exception: nothing was done. */
static zd_record *lender_publish(zd_lender *lender, const char *data, uint64_t size, uint64_t capacity, uint32_t opcode) {
    zd_port *port = lender->port;
    if (port == NULL || (lender->failure != NULL && lender->failure != Py_None) || lender->quiet || PyObject_Size(lender->frames) != 0 ||
        PyObject_Size(lender->dropped) != 0 || !lender_unlocked(lender) || !lender_turn_free(lender))
        return NULL;
    zd_record *record = allocate((PyObject *)record_type);
    if (record == NULL) return NULL;
    PyObject *done = PyObject_CallMethodObjArgs(lender->frames, name_append, (PyObject *)record, NULL);
    if (done == NULL) {
        Py_DECREF(record);
        return NULL;
    }
    Py_DECREF(done);
    if (!zd_call(port, data, size, capacity, opcode)) {
        done = PyObject_CallMethodObjArgs(lender->frames, name_pop, NULL);
        Py_XDECREF(done);
        Py_DECREF(record);
        return NULL;
    }
    record->sequence = port->last;
    record->capacity = (capacity + ZD_BLOCK_ALIGNMENT - 1) & ~(uint64_t)(ZD_BLOCK_ALIGNMENT - 1);
    record->opcode = opcode;
    record->total = ZD_FRAME_HEADER_V2_SIZE + record->capacity;
    record->position = (port->head - record->total) % port->size;
    record->start = record->position + ZD_FRAME_HEADER_V2_SIZE;
    record->taken = 1;
    lender->quiet = 1;
    return record;
}

/* The call that goes Python's way from its beginning. */
static PyObject *lender_call_generally(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names) {
    PyObject *result = NULL, *method = PyObject_GetAttr(self, name_call), *positional = PyTuple_New(count), *keywords = PyDict_New();
    if (method == NULL || positional == NULL || keywords == NULL) goto done;
    for (Py_ssize_t i = 0; i < count; i++) PyTuple_SetItem(positional, i, Py_NewRef(args[i]));
    for (Py_ssize_t i = 0; names != NULL && i < PyTuple_Size(names); i++)
        if (PyDict_SetItem(keywords, PyTuple_GetItem(names, i), args[count + i]) < 0) goto done;
    result = PyObject_Call(method, positional, keywords);
done:
    Py_XDECREF(method);
    Py_XDECREF(positional);
    Py_XDECREF(keywords);
    return result;
}

/* A whole number of Python's that fits; 0 where it is something else. */
static int small_number(PyObject *given, uint64_t most, uint64_t *number) {
    if (!PyLong_CheckExact(given)) return 0;
    unsigned long long value = PyLong_AsUnsignedLongLong(given);
    if (value == (unsigned long long)-1 && PyErr_Occurred()) {
        PyErr_Clear();
        return 0;
    }
    *number = value;
    return value <= most;
}

/* A timeout that cannot be over before the first spin is. */
static int long_timeout(zd_lender *lender, PyObject *given) {
    if (given == Py_None) return 1;
    if (!PyFloat_CheckExact(given) && !PyLong_CheckExact(given)) return 0;
    double seconds = PyFloat_AsDouble(given);
    if (PyErr_Occurred()) {
        PyErr_Clear();
        return 0;
    }
    return seconds * 1e9 > (double)lender->first_spin_ns && seconds < 1e6;
}

typedef struct {
    PyObject *timeout;
    uint64_t opcode, capacity;
    int sized; /* a capacity was given */
} call_arguments;

static int parse_call(zd_lender *lender, PyObject *const *args, Py_ssize_t count, PyObject *names, call_arguments *a) {
    *a = (call_arguments){Py_None, 0, 0, 0};
    if (count < 1 || count > 2) return 0;
    if (count == 2) a->timeout = args[1];
    for (Py_ssize_t i = 0; names != NULL && i < PyTuple_Size(names); i++) {
        PyObject *name = PyTuple_GetItem(names, i), *given = args[count + i];
        if (name == name_timeout && count == 1) a->timeout = given;
        else if (name == name_opcode && small_number(given, UINT32_MAX, &a->opcode)) continue;
        else if (name == name_capacity && (given == Py_None || small_number(given, ZD_MAX_FRAME_DATA, &a->capacity))) a->sized = given != Py_None;
        else return 0;
    }
    return long_timeout(lender, a->timeout);
}

/* Calls a method of ours whose result is of no interest, whatever exception is under way. */
static void call_aside(PyObject *self, PyObject *method, PyObject *argument) {
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyObject *done = PyObject_CallMethodObjArgs(self, method, argument, NULL);
    if (done == NULL) PyErr_WriteUnraisable(self);
    Py_XDECREF(done);
    PyErr_Restore(type, value, trace);
}

/* Waits for the answer to a call that is counted among the calls, and makes the response of it. */
static PyObject *lender_receive(zd_lender *lender, zd_record *record, zd_loan *response, PyObject *timeout) {
    PyObject *self = (PyObject *)lender;
    zd_port *port = lender->port;
    int64_t answer = -1;
    for (int i = 0; i < FIRST_LOOKS && answer == -1; i++) {
        answer = zd_answer_at(port, record->position, 0);
        if (answer == -1) ZD_PAUSE();
    }
    if (answer == -1 && lender->first_spin_ns != 0) {
        Py_BEGIN_ALLOW_THREADS answer = zd_answer_at(port, record->position, lender->first_spin_ns);
        Py_END_ALLOW_THREADS
    }
    if (answer >= 0 && (uint64_t)answer <= record->capacity) {
        lender->calls--;
        lender->out++;
        response->live = 1;
        response->lender = Py_NewRef(self);
        response->record = Py_NewRef((PyObject *)record);
        response->payload = Py_NewRef(lender->payload);
        response->start = (Py_ssize_t)record->start;
        response->size = (Py_ssize_t)answer;
        if (lender->closing) call_aside(self, name_let_close, NULL);
        return Py_NewRef((PyObject *)response);
    }
    PyObject *found = answer != -1 ? PyLong_FromLongLong(answer) : PyObject_CallMethodObjArgs(self, name_await, (PyObject *)record, timeout, NULL);
    if (found == NULL) {
        call_aside(self, name_forget, (PyObject *)record);
        return NULL;
    }
    PyObject *delivered = PyObject_CallMethodObjArgs(self, name_deliver, (PyObject *)record, found, NULL);
    Py_DECREF(found);
    return delivered;
}

static PyObject *lender_call(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names) {
    zd_lender *lender = (zd_lender *)self;
    call_arguments a;
    Py_buffer view;
    if (!parse_call(lender, args, count, names, &a) || lender->port == NULL) return lender_call_generally(self, args, count, names);
    zd_loan *response = allocate(lender->response); /* first: nothing can fail once the request is published */
    if (response == NULL) return NULL;
    if (PyObject_GetBuffer(args[0], &view, PyBUF_SIMPLE) < 0) {
        PyErr_Clear(); /* the general way says what is wrong with it */
        Py_DECREF(response);
        return lender_call_generally(self, args, count, names);
    }
    uint64_t size = (uint64_t)view.len;
    zd_record *record = NULL;
    if (size <= MOST_AT_ONCE) record = lender_publish(lender, view.buf, size, a.sized ? a.capacity : size, (uint32_t)a.opcode);
    PyBuffer_Release(&view);
    PyObject *result = NULL;
    if (record != NULL) {
        lender->calls++;
        result = lender_receive(lender, record, response, a.timeout);
        Py_DECREF(record);
    } else if (!PyErr_Occurred()) {
        result = lender_call_generally(self, args, count, names);
    }
    Py_DECREF(response);
    return result;
}

/* Publishes a request as a call does, for what tests that: its record, or None when nothing was done. */
static PyObject *lender_publish_only(PyObject *self, PyObject *args) {
    const char *data;
    Py_ssize_t size;
    unsigned long long capacity;
    unsigned int opcode;
    if (!PyArg_ParseTuple(args, "y#KI", &data, &size, &capacity, &opcode)) return NULL;
    zd_lender *lender = (zd_lender *)self;
    zd_record *record = lender_publish(lender, data, (uint64_t)size, capacity, opcode);
    lender->quiet = 0;
    if (record != NULL || PyErr_Occurred()) return (PyObject *)record;
    Py_RETURN_NONE;
}

/* Gives back the only frame in flight. 1: done; 0: nothing was done; -1: an exception. The rules are those of ClientRing.release. */
static int lender_take_back(zd_lender *lender, zd_loan *loan) {
    zd_port *port = lender->port;
    if (port == NULL || lender->detached || lender->closing || PyObject_Size(lender->frames) != 1 || !lender_unlocked(lender)) return 0;
    zd_record *record = (zd_record *)loan->record;
    PyObject *only = PyObject_CallMethodObjArgs(lender->frames, name_popleft, NULL);
    if (only == NULL) return -1;
    Py_DECREF(only); /* the loan has it, too */
    loan->live = 0;
    loan->ended = record->released = 1;
    lender->out--;
    lender->quiet = 0;
    zd_release(port, record->position, record->total + record->waste);
    return 1;
}

static PyObject *loan_release(PyObject *self, PyObject *unused) {
    zd_loan *loan = (zd_loan *)self;
    (void)unused;
    if (!loan->live) Py_RETURN_NONE;
    if (loan->record != NULL && Py_TYPE(loan->record) == record_type && loan->lender != NULL && PyObject_TypeCheck(loan->lender, lender_type) &&
        loan_end_view(loan)) {
        int done = lender_take_back((zd_lender *)loan->lender, loan);
        if (done < 0) return NULL;
        if (done) Py_RETURN_NONE;
    }
    return PyObject_CallMethodObjArgs(self, name_release_generally, NULL);
}

/* What its user forgot to give back is Python's to care for. */
static void loan_finalize(PyObject *self) {
    zd_loan *loan = (zd_loan *)self;
    if (!loan->live || loan->ended || loan->lender == NULL || !PyObject_TypeCheck(loan->lender, lender_type)) return;
    if (((zd_lender *)loan->lender)->detached) return;
    call_aside(self, name_lost, NULL);
}
