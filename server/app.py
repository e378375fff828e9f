"""The Litestar application: what the web gives, on a pool that lives as long as it.

``server/web/site.py`` gives ``install(app_config) -> app_config``, a Litestar
``on_app_init`` hook that adds handlers, templates, static files and exception handlers.
Handlers take by name, as dependencies:

=============  ==========================================  =========================
name           type                                        what it is
=============  ==========================================  =========================
``pool``       :data:`server.db.pool.Pool`                 the database
``hub``        :class:`server.db.events.EventHub`          committed events
``files``      :class:`server.evidence.files.EvidenceFiles`  the file store
``registry``   :class:`server.stations.model.Registry`     stations and their keys
=============  ==========================================  =========================

Sessions are Litestar's, kept in the database; CSRF is on for every unsafe method but
handlers with ``exclude_from_csrf=True``. The session of somebody signed in holds
``{"account_id": int}``.
"""
