/* What lends bytes: the state of zeroduplex._lender.Lender. */

typedef struct {
    PyObject_HEAD
    Py_ssize_t calls, out;
    PyObject *failure;
    char closing, detached, quiet;
    /* From here on of in-place clients only, NULL for others. */
    zd_port *port;
    PyObject *keeper;  /* what the port is part of */
    PyObject *frames;  /* deque of records */
    PyObject *dropped; /* deque */
    PyObject *turn;
    PyObject *locked; /* says whether somebody has the lock */
    PyObject *payload;
    PyObject *response; /* the type */
    uint64_t first_spin_ns;
} zd_lender;

static int lender_traverse(PyObject *self, visitproc visit, void *arg) {
    zd_lender *lender = (zd_lender *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(lender->failure);
    Py_VISIT(lender->keeper);
    Py_VISIT(lender->frames);
    Py_VISIT(lender->dropped);
    Py_VISIT(lender->turn);
    Py_VISIT(lender->locked);
    Py_VISIT(lender->payload);
    Py_VISIT(lender->response);
    return 0;
}

static int lender_clear(PyObject *self) {
    zd_lender *lender = (zd_lender *)self;
    lender->port = NULL; /* the keeper goes */
    Py_CLEAR(lender->failure);
    Py_CLEAR(lender->keeper);
    Py_CLEAR(lender->frames);
    Py_CLEAR(lender->dropped);
    Py_CLEAR(lender->turn);
    Py_CLEAR(lender->locked);
    Py_CLEAR(lender->payload);
    Py_CLEAR(lender->response);
    return 0;
}

static void lender_dealloc(PyObject *self) {
    PyObject_GC_UnTrack(self);
    lender_clear(self);
    free_object(self);
}

static PyObject *lender_bind(PyObject *self, PyObject *args) {
    zd_lender *lender = (zd_lender *)self;
    unsigned long long address, spin;
    PyObject *keeper, *frames, *dropped, *turn, *locked, *payload, *response;
    if (!PyArg_ParseTuple(args, "KOOOOOOOK", &address, &keeper, &frames, &dropped, &turn, &locked, &payload, &response, &spin)) return NULL;
    lender_clear(self);
    lender->keeper = Py_NewRef(keeper);
    lender->frames = Py_NewRef(frames);
    lender->dropped = Py_NewRef(dropped);
    lender->turn = Py_NewRef(turn);
    lender->locked = Py_NewRef(locked);
    lender->payload = Py_NewRef(payload);
    lender->response = Py_NewRef(response);
    lender->first_spin_ns = spin;
    lender->port = (zd_port *)(uintptr_t)address;
    Py_RETURN_NONE;
}

/* Whether nobody has the lock, which then nobody can take before we let go of the interpreter's. */
static int lender_unlocked(zd_lender *lender) {
    PyObject *answer = PyObject_CallNoArgs(lender->locked);
    if (answer == NULL) PyErr_Clear();
    Py_XDECREF(answer);
    return answer == Py_False;
}

static int lender_turn_free(zd_lender *lender) {
    PyObject *held = PyObject_GetAttr(lender->turn, name_held);
    if (held == NULL) PyErr_Clear();
    Py_XDECREF(held);
    return held == Py_False;
}

static PyTypeObject *lender_type;
static PyObject *lender_call(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names);
static PyObject *lender_publish_only(PyObject *self, PyObject *args);

static PyMemberDef lender_members[] = {
    {"_calls", T_PYSSIZET, offsetof(zd_lender, calls), 0, NULL},
    {"_out", T_PYSSIZET, offsetof(zd_lender, out), 0, NULL},
    {"_failure", T_OBJECT, offsetof(zd_lender, failure), 0, NULL},
    {"_closing", T_BOOL, offsetof(zd_lender, closing), 0, NULL},
    {"_detached", T_BOOL, offsetof(zd_lender, detached), 0, NULL},
    {"_quiet", T_BOOL, offsetof(zd_lender, quiet), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};
static PyMethodDef lender_methods[] = {
    {"_bind", lender_bind, METH_VARARGS, "Says what the calls of an in-place client need."},
    {"_publish_only", lender_publish_only, METH_VARARGS, "_publish_only(data, capacity, opcode): the first half of a call, for tests."},
    {"_call", (PyCFunction)(void (*)(void))lender_call, METH_FASTCALL | METH_KEYWORDS,
     "call($self, data, timeout=None, *, opcode=0, capacity=None)\n--\n\nSee DuplexClient.call."},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot lender_slots[] = {
    {Py_tp_traverse, lender_traverse}, {Py_tp_clear, lender_clear},     {Py_tp_dealloc, lender_dealloc},
    {Py_tp_members, lender_members},   {Py_tp_methods, lender_methods}, {0, NULL},
};
static PyType_Spec lender_spec = {"zeroduplex._fast.LenderState", sizeof(zd_lender), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
                                  lender_slots};

static int add_lender(PyObject *module) { return add_type(module, &lender_spec, "LenderState", &lender_type); }
