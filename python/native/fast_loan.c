/* Loans and the views of them. A view is made from a lease, which counts what is made from it: while that is not nothing, somebody has a view. */

typedef struct {
    PyObject_HEAD
    PyObject *weak;
    Py_buffer payload; /* keeps it from being released */
    char *bytes;
    Py_ssize_t size;
    Py_ssize_t views;
    char readonly;
} zd_lease;

static PyTypeObject *lease_type;

static int lease_getbuffer(PyObject *self, Py_buffer *view, int flags) {
    zd_lease *lease = (zd_lease *)self;
    if (lease->payload.obj == NULL) {
        view->obj = NULL;
        PyErr_SetString(PyExc_BufferError, "the memory was given back");
        return -1;
    }
    if (PyBuffer_FillInfo(view, self, lease->bytes, lease->size, lease->readonly, flags) < 0) return -1;
    lease->views++;
    return 0;
}

static void lease_releasebuffer(PyObject *self, Py_buffer *view) {
    (void)view;
    ((zd_lease *)self)->views--;
}

static PyObject *lease_release(PyObject *self, PyObject *unused) {
    zd_lease *lease = (zd_lease *)self;
    (void)unused;
    if (lease->views > 0) {
        PyErr_SetString(PyExc_BufferError, "views are alive");
        return NULL;
    }
    PyBuffer_Release(&lease->payload);
    Py_RETURN_NONE;
}

static void lease_dealloc(PyObject *self) {
    zd_lease *lease = (zd_lease *)self;
    if (lease->weak != NULL) PyObject_ClearWeakRefs(self);
    PyBuffer_Release(&lease->payload); /* may have been released before: then it does nothing */
    free_object(self);
}

static PyMethodDef lease_methods[] = {
    {"release", lease_release, METH_NOARGS, "Ends it. BufferError while a view is alive."},
    {NULL, NULL, 0, NULL},
};
static PyMemberDef lease_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(zd_lease, weak), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};
static PyType_Slot lease_slots[] = {
    {Py_tp_dealloc, lease_dealloc},   {Py_tp_methods, lease_methods},         {Py_tp_members, lease_members},
    {Py_bf_getbuffer, lease_getbuffer}, {Py_bf_releasebuffer, lease_releasebuffer}, {0, NULL},
};
static PyType_Spec lease_spec = {"zeroduplex._fast.Lease", sizeof(zd_lease), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, lease_slots};

static PyObject *loan_new(PyTypeObject *type, PyObject *args, PyObject *names) {
    zd_loan *loan = allocate((PyObject *)type);
    (void)args, (void)names;
    if (loan != NULL) loan->live = 1;
    return (PyObject *)loan;
}

static int loan_traverse(PyObject *self, visitproc visit, void *arg) {
    zd_loan *loan = (zd_loan *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(loan->view);
    Py_VISIT(loan->lease);
    Py_VISIT(loan->views);
    Py_VISIT(loan->record);
    Py_VISIT(loan->lender);
    Py_VISIT(loan->payload);
    return 0;
}

static int loan_clear(PyObject *self) {
    zd_loan *loan = (zd_loan *)self;
    Py_CLEAR(loan->view);
    Py_CLEAR(loan->lease);
    Py_CLEAR(loan->views);
    Py_CLEAR(loan->record);
    Py_CLEAR(loan->lender);
    Py_CLEAR(loan->payload);
    return 0;
}

static void loan_dealloc(PyObject *self) {
    PyObject_GC_UnTrack(self);
    if (((zd_loan *)self)->weak != NULL) PyObject_ClearWeakRefs(self);
    loan_clear(self);
    free_object(self);
}

/* Appends the only view to a new list of views. */
static int loan_list(zd_loan *loan) {
    if (loan->views == NULL && (loan->views = PyList_New(0)) == NULL) return -1;
    if (loan->view == NULL) return 0;
    PyObject *pair = PyTuple_Pack(2, loan->view, loan->lease);
    if (pair == NULL || PyList_Append(loan->views, pair) < 0) {
        Py_XDECREF(pair);
        return -1;
    }
    Py_DECREF(pair);
    Py_CLEAR(loan->view);
    Py_CLEAR(loan->lease);
    return 0;
}

static PyObject *loan_views(PyObject *self, void *unused) {
    zd_loan *loan = (zd_loan *)self;
    (void)unused;
    if (loan->view == NULL && loan->views == NULL) Py_RETURN_NONE;
    if (loan_list(loan) < 0) return NULL;
    return Py_NewRef(loan->views);
}

static int loan_set_views(PyObject *self, PyObject *views, void *unused) {
    zd_loan *loan = (zd_loan *)self;
    (void)unused;
    PyObject *old[] = {loan->view, loan->lease, loan->views};
    loan->view = loan->lease = NULL;
    loan->views = views == NULL || views == Py_None ? NULL : Py_NewRef(views);
    for (int i = 0; i < 3; i++) Py_XDECREF(old[i]);
    return 0;
}

static PyObject *loan_refuse(zd_loan *loan) { return PyObject_CallMethodObjArgs((PyObject *)loan, name_released, NULL); }

static zd_lease *loan_lease(zd_loan *loan) {
    if (loan->payload == NULL) {
        PyErr_SetString(PyExc_AttributeError, "the loan has no memory yet");
        return NULL;
    }
    zd_lease *lease = allocate((PyObject *)lease_type);
    if (lease == NULL) return NULL;
    if (PyObject_GetBuffer(loan->payload, &lease->payload, PyBUF_SIMPLE | (loan->readonly ? 0 : PyBUF_WRITABLE)) < 0) {
        Py_DECREF(lease);
        return NULL;
    }
    /* Clamped, as a slice would be. */
    Py_ssize_t start = loan->start < 0 ? 0 : loan->start, size = loan->size < 0 ? 0 : loan->size;
    if (start > lease->payload.len) start = lease->payload.len;
    if (size > lease->payload.len - start) size = lease->payload.len - start;
    lease->bytes = (char *)lease->payload.buf + start;
    lease->size = size;
    lease->readonly = loan->readonly;
    return lease;
}

static PyObject *loan_lend(zd_loan *loan) {
    zd_lease *lease = loan_lease(loan);
    if (lease == NULL) return NULL;
    PyObject *view = PyMemoryView_FromObject((PyObject *)lease); /* the garbage collector may run here, and with it anything */
    if (view != NULL && !loan->live) {
        Py_CLEAR(view);
        Py_DECREF(lease);
        return loan_refuse(loan);
    }
    if (view == NULL || ((loan->view != NULL || loan->views != NULL) && loan_list(loan) < 0)) {
        Py_XDECREF(view);
        Py_DECREF(lease);
        return NULL;
    }
    loan->view = view;
    loan->lease = (PyObject *)lease;
    if (loan->views != NULL && loan_list(loan) < 0) return NULL;
    return Py_NewRef(view);
}

static PyObject *loan_data(PyObject *self, void *unused) {
    zd_loan *loan = (zd_loan *)self;
    (void)unused;
    if (!loan->live) return loan_refuse(loan);
    PyObject *latest = loan->view;
    if (loan->views != NULL && PyList_Size(loan->views) > 0)
        latest = PyTuple_GetItem(PyList_GetItem(loan->views, PyList_Size(loan->views) - 1), 0);
    if (latest != NULL) {
        Py_ssize_t size = PyObject_Size(latest);
        if (size == loan->size) return Py_NewRef(latest);
        if (size < 0) PyErr_Clear(); /* the application released it, as `with frame.data as view` does */
    }
    return loan_lend(loan);
}

static PyObject *loan_size(PyObject *self, void *unused) {
    zd_loan *loan = (zd_loan *)self;
    (void)unused;
    return loan->live ? PyLong_FromSsize_t(loan->size) : loan_refuse(loan);
}

/* Ends the only view. 1: there is none any more; 0: that takes more than this, see Loan._end_views. */
static int loan_end_view(zd_loan *loan) {
    if (loan->views != NULL && PyList_Size(loan->views) > 0) return 0;
    if (loan->view == NULL) return 1;
    PyObject *done = PyObject_CallMethodObjArgs(loan->view, name_release, NULL);
    if (done == NULL) {
        PyErr_Clear();
        return 0;
    }
    Py_DECREF(done);
    if (((zd_lease *)loan->lease)->views > 0) return 0;
    Py_CLEAR(loan->view);
    PyBuffer_Release(&((zd_lease *)loan->lease)->payload);
    Py_CLEAR(loan->lease);
    return 1;
}

static void loan_finalize(PyObject *self);

static PyGetSetDef loan_properties[] = {
    {"data", loan_data, NULL,
     "The bytes in shared memory, to read and write. Valid until the loan ends; then it raises, and so do views made from it.", NULL},
    {"size", loan_size, NULL, "Length of data in bytes.", NULL},
    {"_views", loan_views, loan_set_views, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyMemberDef loan_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(zd_loan, weak), READONLY, NULL},
    {"_payload", T_OBJECT, offsetof(zd_loan, payload), 0, NULL},
    {"_lender", T_OBJECT, offsetof(zd_loan, lender), 0, NULL},
    {"_record", T_OBJECT, offsetof(zd_loan, record), 0, NULL},
    {"_start", T_PYSSIZET, offsetof(zd_loan, start), 0, NULL},
    {"_size", T_PYSSIZET, offsetof(zd_loan, size), 0, NULL},
    {"_sequence", T_ULONGLONG, offsetof(zd_loan, sequence), 0, NULL},
    {"_capacity", T_ULONGLONG, offsetof(zd_loan, capacity), 0, NULL},
    {"_opcode", T_ULONGLONG, offsetof(zd_loan, opcode), 0, NULL},
    {"_live", T_BOOL, offsetof(zd_loan, live), 0, NULL},
    {"_readonly", T_BOOL, offsetof(zd_loan, readonly), 0, NULL},
    {"_ended", T_BOOL, offsetof(zd_loan, ended), 0, NULL},
    {"_one_way", T_BOOL, offsetof(zd_loan, one_way), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};
static PyObject *loan_release(PyObject *self, PyObject *unused);
static PyMethodDef loan_methods[] = {
    {"_release", loan_release, METH_NOARGS,
     "release($self)\n--\n\nGives the bytes back to the ring; any thread may do that. Releasing again does nothing. ViewInUseError while a view of "
     "the data is alive, such as a NumPy array: then everything is as it was before."},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot loan_slots[] = {
    {Py_tp_new, loan_new},           {Py_tp_traverse, loan_traverse},   {Py_tp_clear, loan_clear},     {Py_tp_dealloc, loan_dealloc},
    {Py_tp_finalize, loan_finalize}, {Py_tp_getset, loan_properties}, {Py_tp_members, loan_members}, {Py_tp_methods, loan_methods}, {0, NULL},
};
static PyType_Spec loan_spec = {"zeroduplex._fast.LoanState", sizeof(zd_loan), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
                                loan_slots};

static int add_loan(PyObject *module) {
    if (add_type(module, &lease_spec, "Lease", &lease_type) < 0) return -1;
    return add_type(module, &loan_spec, "LoanState", NULL);
}
