"""A hub for a course on one Linux machine: a container for each student, by DockerSpawner."""

c = get_config()  # noqa: F821

c.JupyterHub.spawner_class = "dockerspawner.DockerSpawner"
c.JupyterHub.hub_ip = "0.0.0.0"  # containers reach the hub through their network
c.DockerSpawner.image = "course-lab"
c.DockerSpawner.network_name = "course"
c.DockerSpawner.remove = True
# A student's home outlives the container, and is nobody else's.
c.DockerSpawner.volumes = {"course-home-{username}": "/home/student"}
# TensorFlow on small nets: a gigabyte for the process, and room for the notebook.
c.DockerSpawner.mem_limit = "3G"
c.DockerSpawner.cpu_limit = 1.0
c.Spawner.default_url = "/lab"
c.Spawner.http_timeout = 120

# Who may come in is yours to say: this takes any name with one password, for a first try alone.
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
